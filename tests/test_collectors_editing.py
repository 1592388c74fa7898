"""Pausing and removing feeds in a catalogue that people wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from collectors.catalog import load_catalogue
from collectors.editing import remove_feed, set_enabled
from detente.errors import ConfigError

WRITTEN = """# Ours.
[[feeds]]
url = "https://a.example/one"   # the first
outlet = "A"

[[feeds]]
url = "https://a.example/two"
outlet = "A"

# The best one.
[[feeds]]
url = "https://b.example/feed"
outlet = "Two words"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "feeds.toml"
    path.write_text(WRITTEN, "utf-8")
    return path


def ids(path: Path) -> list[tuple[str, bool]]:
    return [(feed.id, feed.enabled) for feed in load_catalogue(path)]


def test_a_feed_is_paused_and_resumed_and_the_rest_stays_as_it_was(path: Path) -> None:
    set_enabled(path, "two-words", enabled=False)
    assert ids(path)[-1] == ("two-words", False)
    assert "# the first" in path.read_text("utf-8")
    set_enabled(path, "two-words", enabled=False)
    set_enabled(path, "two-words", enabled=True)
    assert path.read_text("utf-8") == WRITTEN


def test_a_feed_is_removed_and_the_others_keep_their_ids(path: Path) -> None:
    before = [id for id, _ in ids(path)]
    remove_feed(path, before[0])
    assert [id for id, _ in ids(path)] == before[1:], "or what is known of them would be lost"
    assert "# The best one." in path.read_text("utf-8")
    remove_feed(path, "two-words")
    assert [id for id, _ in ids(path)] == before[1:2]


def test_a_link_is_followed_and_not_replaced(path: Path) -> None:
    link = path.with_name("linked.toml")
    link.symlink_to(path)
    remove_feed(link, "two-words")
    assert link.is_symlink()
    assert len(ids(path)) == 2


def test_what_cannot_be_done_is_said_and_changes_nothing(path: Path) -> None:
    with pytest.raises(ConfigError, match="no feed 'none' in the catalogue"):
        remove_feed(path, "none")
    with pytest.raises(ConfigError, match="import the OPML first"):
        remove_feed(path.with_suffix(".opml"), "none")
    assert path.read_text("utf-8") == WRITTEN
    inline = '[[feeds]]\nurl = "https://a.example/"\n'
    path.write_text(inline, "utf-8")
    with pytest.raises(ConfigError, match="its last feed; pause it"):
        remove_feed(path, "a-example")
    assert path.read_text("utf-8") == inline
    path.write_text('feeds = [{url = "https://a.example/"}]\n', "utf-8")
    with pytest.raises(ConfigError, match="edit it by hand"):
        set_enabled(path, "a-example", enabled=False)
