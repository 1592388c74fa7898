"""subscriptions.toml: read, refused with every problem, and when what is sent."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from detente.alerts.subscription import Subscription, load_subscriptions
from detente.errors import ConfigError

GOOD = """
[destinations.desk]
url = "mailto://desk.example"

[destinations.room]
webhook = "https://room.example/hook"
secret = "s3cret"

[[subscriptions]]
id = "visas"
name = "Visas"
query = "(embassy OR consulate) AND visas"
to = ["desk", "room"]
quiet = "22:00-06:30"
zone = "Europe/Berlin"
"""


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "subscriptions.toml"
    file.write_text(text, "utf-8")
    return file


def test_a_file_is_read(tmp_path: Path) -> None:
    read = load_subscriptions(written(tmp_path, GOOD))
    (one,) = read.subscriptions
    assert (one.id, one.title, one.to, one.when) == ("visas", "Visas", ("desk", "room"), "now")
    assert "s3cret" not in repr(read)


def test_no_file_is_no_subscription(tmp_path: Path) -> None:
    assert load_subscriptions(tmp_path / "none.toml").subscriptions == ()
    with pytest.raises(ConfigError, match="there is no such file"):
        load_subscriptions(tmp_path / "none.toml", missing_ok=False)


def test_every_problem_is_listed_with_its_place(tmp_path: Path) -> None:
    bad = """
[destinations.desk]
[destinations.both]
url = "mailto://x"
webhook = "https://x.example"
[[subscriptions]]
id = "one"
query = "(embassy OR"
to = []
when = "daily 25:00"
quiet = "late"
zone = "Mars"
surprise = 1
[[subscriptions]]
id = "Two!"
query = "title:x"
to = ["desk"]
"""
    with pytest.raises(ConfigError) as caught:
        load_subscriptions(written(tmp_path, bad))
    said = "\n".join(caught.value.problems)
    for problem in (
        "destinations.desk: needs one of url and webhook",
        "destinations.both: needs one of url and webhook",
        "subscriptions[0].query (one): '(embassy OR'",
        "subscriptions[0].to (one): ",
        'subscriptions[0].when (one): must be "now", "hourly" or "daily HH:MM"',
        'subscriptions[0].quiet (one): must be "HH:MM-HH:MM"',
        "subscriptions[0].zone (one): is no time zone",
        "subscriptions[0].surprise (one): extra inputs",
        "subscriptions[1].id (Two!): ",
        "there is no field 'title' (position 6)",
    ):
        assert problem in said, problem


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            ('to = ["desk", "room"]', 'to = ["mail"]'),
            "there is no destination 'mail'; there are desk",
        ),
        (("[[subscriptions]]", GOOD[GOOD.index("[[subs") :] + "[[subscriptions]]"), "has this id"),
        (("[destinations.desk]", "[destinations"), "can't be read as TOML"),
    ],
)
def test_what_contradicts_itself_is_refused(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        load_subscriptions(written(tmp_path, GOOD.replace(*change)))


@pytest.mark.parametrize(
    ("when", "quiet", "now", "due"),
    [
        ("now", None, "2026-03-02T10:15", "2026-03-02T10:15"),
        ("hourly", None, "2026-03-02T10:15", "2026-03-02T11:00"),
        ("hourly", None, "2026-03-02T23:59", "2026-03-03T00:00"),
        ("daily 07:00", None, "2026-03-02T05:59", "2026-03-02T06:00"),  # 07:00 in Berlin
        ("daily 07:00", None, "2026-03-02T06:00", "2026-03-03T06:00"),
        ("now", "22:00-06:30", "2026-03-02T20:59", "2026-03-02T20:59"),
        ("now", "22:00-06:30", "2026-03-02T21:00", "2026-03-03T05:30"),
        ("now", "22:00-06:30", "2026-03-03T03:00", "2026-03-03T05:30"),
        ("now", "22:00-06:30", "2026-03-03T05:30", "2026-03-03T05:30"),
        ("now", "12:00-13:00", "2026-03-02T11:30", "2026-03-02T12:00"),
        ("daily 02:30", "22:00-06:30", "2026-03-02T10:00", "2026-03-03T05:30"),
        # The clocks go forward on the 29th.
        ("daily 07:00", None, "2026-03-28T10:00", "2026-03-29T05:00"),
    ],
)
def test_when_it_is_sent(when: str, quiet: str | None, now: str, due: str) -> None:
    one = Subscription(id="x", query="y", to=("z",), when=when, quiet=quiet, zone="Europe/Berlin")
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert one.due(at) == datetime.fromisoformat(due).replace(tzinfo=UTC)
