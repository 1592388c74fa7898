"""Pausing and removing feeds in a catalogue that people wrote."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
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


COMMENTED = """# Ours.

# A's own.
[[feeds]]
outlet = "A"
url = "https://a.example/feed"

# State media

# The second.
[[feeds]]
url = "https://b.example/feed"   # of B

[[feeds]]
url = 'https://c.example/feed'"""


def test_comments_stay_with_what_they_are_about(path: Path) -> None:
    path.write_text(COMMENTED, "utf-8")
    set_enabled(path, "a-example", enabled=False)
    paused = path.read_text("utf-8")
    assert 'feed"\nenabled = false\n\n# State media\n\n# The second.\n[[feeds]]\n' in paused
    set_enabled(path, "a-example", enabled=True)
    assert path.read_text("utf-8") == COMMENTED + "\n"
    remove_feed(path, "b-example")
    assert (
        path.read_text("utf-8")
        == COMMENTED.replace(
            '# The second.\n[[feeds]]\nurl = "https://b.example/feed"   # of B\n\n', ""
        )
        + "\n"
    )
    remove_feed(path, "a-example")
    assert path.read_text("utf-8").startswith("# Ours.\n\n# State media\n\n[[feeds]]\n")


def test_ids_that_hang_together_all_stay(path: Path) -> None:
    outlets = ("Xx 2", "Xx", "Xx 2", "Xx")
    path.write_text(
        "".join(
            f'[[feeds]]\r\nurl = "https://{number}.example/"\r\noutlet = "{outlet}"\r\n'
            for number, outlet in enumerate(outlets)
        ),
        newline="",
    )
    before = ids(path)
    remove_feed(path, before[0][0])
    assert ids(path) == before[1:]
    assert "\n" not in path.read_bytes().decode().replace("\r\n", "")


def test_what_looks_like_a_table_within_a_text_is_not_taken_for_one(path: Path) -> None:
    odd = '[[feeds]]\nurl = "https://a.example/"\nterms = "a"\nevidence = """\\\n[[feeds]]"""\n'
    path.write_text(odd + '[[feeds]]\nurl = "https://b.example/"\n', "utf-8")
    before = path.read_text("utf-8")
    with pytest.raises(ConfigError, match="edit it by hand"):
        remove_feed(path, "b-example")
    assert path.read_text("utf-8") == before


def test_changes_at_the_same_time_are_all_made(path: Path) -> None:
    path.write_text(
        "".join(f'[[feeds]]\nurl = "https://{n}.example/"\n' for n in range(20)), "utf-8"
    )
    path.chmod(0o600)
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda id: set_enabled(path, id, enabled=False), [i for i, _ in ids(path)]))
    assert not any(enabled for _, enabled in ids(path))
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path], "no draft is left"


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
