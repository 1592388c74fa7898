"""The file of subscriptions while it is used: taken up when it changes, edited without harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from detente.alerts.file import SubscriptionFile, add, remove
from detente.alerts.subscription import load_subscriptions
from detente.errors import ConfigError
from tests.test_detente_alerts_subscription import GOOD, written

NEW = {"id": "tone", "kind": "shift", "dyad": "RUS>USA", "query": "relevance:core", "to": ["desk"]}


def test_a_subscription_is_added_and_removed_and_comments_stay(tmp_path: Path) -> None:
    file = written(tmp_path, "# Ours.\n" + GOOD + "# Below.\n")
    file.chmod(0o600)
    add(file, NEW)
    assert [one.id for one in load_subscriptions(file).subscriptions] == ["visas", "tone"]
    assert remove(file, "visas")
    assert [one.id for one in load_subscriptions(file).subscriptions] == ["tone"]
    assert not remove(file, "visas")
    text = file.read_text("utf-8")
    assert text.startswith("# Ours.\n")
    assert 'secret = "s3cret"' in text
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_what_would_make_the_file_wrong_changes_nothing(tmp_path: Path) -> None:
    file = written(tmp_path, GOOD)
    for change, said in (
        ({"to": ["nowhere"]}, "there is no destination 'nowhere'"),
        ({"id": "visas"}, "another one has this id"),
        ({"query": "(("}, "subscriptions\\[1\\].query"),
    ):
        with pytest.raises(ConfigError, match=said) as caught:
            add(file, {**NEW, **change})
        assert str(file) in caught.value.problems[0]
    assert file.read_text("utf-8") == GOOD
    file.write_text("[[", "utf-8")
    with pytest.raises(ConfigError, match="can't be read as TOML"):
        add(file, NEW)


def test_a_change_is_taken_up_and_a_wrong_one_is_not(tmp_path: Path) -> None:
    file = tmp_path / "subscriptions.toml"
    watched = SubscriptionFile(file)
    assert watched.read.subscriptions == ()
    assert watched.changed() is None
    file.write_text(GOOD, "utf-8")
    changed = watched.changed()
    assert changed is not None
    assert [one.id for one in changed.subscriptions] == ["visas"]
    file.write_text(GOOD.replace("AND visas", "AND ("), "utf-8")
    assert watched.changed() is None
    file.write_text(GOOD + "\n[[subscriptions]]\nid = 7\n", "utf-8")
    assert watched.changed() is None
    assert [one.id for one in watched.read.subscriptions] == ["visas"]
    add_to = GOOD + '\n[[subscriptions]]\nid = "two"\nquery = "x"\nto = ["desk"]\n'
    file.write_text(add_to, "utf-8")
    changed = watched.changed()
    assert changed is not None
    assert len(changed.subscriptions) == 2


def test_a_folder_that_takes_no_file_is_said(tmp_path: Path) -> None:
    file = tmp_path / "none" / "subscriptions.toml"
    with pytest.raises(ConfigError, match=r"subscriptions\.toml: can't be written"):
        add(file, {"id": "a", "query": "visas", "to": []})
