"""The commands over a real newsroom: run, search, show, trace, stats, feeds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from detente.newsroom import Newsroom
from tests.commandline import Detente, command_line

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def newsroom() -> Iterator[Newsroom]:
    with Newsroom() as running:
        yield running


@pytest.fixture(scope="module")
def folder(newsroom: Newsroom, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the healthy feeds were polled, judged by cue words and stored."""
    folder = tmp_path_factory.mktemp("deployment")
    (folder / "feeds.toml").write_text(newsroom.catalogue_toml(faulty=False), "utf-8")
    (folder / "detente.toml").write_text(
        '[collectors]\nallow_loopback = true\nhost_spacing = 0\n[processors]\nmodel = "keyword"\n',
        "utf-8",
    )
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(folder)
        monkeypatch.setattr("sys.argv", ["detente", "run", "--once", "--quiet"])
        from detente.cli import main

        with pytest.raises(SystemExit) as end:
            main()
        assert not end.value.code
    return folder


@pytest.fixture
def detente(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], folder: Path
) -> Detente:
    return command_line(monkeypatch, capfd, folder)


def test_everything_published_is_stored(detente: Detente, newsroom: Newsroom) -> None:
    out = [a for a in newsroom.articles if a.held is None and a.fault is None]
    counts = detente("stats", "--json").json
    assert counts["articles"] == len(out)
    assert counts["dead"] == 0
    assert set(counts["lag"].values()) == {0}
    assert sum(counts["source"].values()) == len(out)
    shown = detente("stats").out
    assert f"{len(out)} articles" in shown
    assert "language ru" in shown


def test_a_second_run_adds_nothing(detente: Detente) -> None:
    before = detente("stats", "--json").json
    said = detente("run", "--once")
    assert said.code == 0
    assert "0 articles" in said.out
    assert detente("stats", "--json").json == before


def test_search_by_words_and_fields(detente: Detente) -> None:
    found = detente("search", "embass* AND expel*", "--json").json
    assert found["total"] > 0
    for article in found["articles"]:
        assert "embass" in f"{article['title']} {article['body']}".lower()
    core = detente("search", "--relevance", "core", "--json", "-n", 500).json
    assert {article["relevance"] for article in core["articles"]} == {"core"}
    assert "No article matches." in detente("search", "xyzzyx").out
    russian = detente("search", "посольств*", "--language", "ru", "--json").json
    assert all(article["abstained"] == "language ru" for article in russian["articles"])
    assert russian["total"] > 0


def test_an_id_is_found_however_its_words_are_joined(detente: Detente) -> None:
    found = [
        detente("search", "--issue", issue, "--json").json["total"]
        for issue in ("arms-control", "arms_control", "Arms control")
    ]
    assert found[0] > 0
    assert len(set(found)) == 1


def test_search_pages_go_on(detente: Detente) -> None:
    first = detente("search", "-n", 5, "--by", "published", "--json").json
    assert len(first["articles"]) == 5
    second = detente(
        "search", "-n", 5, "--by", "published", "--after", first["next"], "--json"
    ).json
    ids = [article["id"] for page in (first, second) for article in page["articles"]]
    assert len(set(ids)) == 10
    assert "add --after" in detente("search", "-n", 5).out


def test_search_within_days(detente: Detente) -> None:
    everything = detente("search", "--json").json["total"]
    assert detente("search", "--since", "1h", "--json").json["total"] == everything
    assert detente("search", "--until", "2020-01-01", "--json").json["total"] == 0


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["embassy AND ("], "search:"),
        (["emb*ssy"], "a * may only end a word"),
        (["title:embassy"], "there is no field 'title' (position 6)"),
        (["--since", "yesterday"], "write 2026-11-24"),
        (["--by", "title"], "is no date"),
        (["--after", "zzz"], "no place to go on from"),
    ],
)
def test_a_search_that_cant_be_read_says_why(
    detente: Detente, arguments: list[str], problem: str
) -> None:
    said = detente("search", *arguments)
    assert said.code == 2
    assert problem in said.err
    assert "Traceback" not in said.err


def test_show_by_id_its_beginning_and_url(detente: Detente) -> None:
    article = detente("search", "--relevance", "core", "--json", "-n", 1).json["articles"][0]
    for name in (article["id"], article["id"][:12], article["url"]):
        assert detente("show", name, "--json").json["id"] == article["id"]
    shown = detente("show", article["id"]).out
    assert article["title"] in shown
    assert "Relevance: core" in shown
    assert "Judged by keyword" in shown
    for stance in article["stances"]:
        part = article["title"] if stance["part"] == "title" else article["body"]
        assert part[stance["start"] : stance["end"]] == stance["text"]
    assert detente("show", "nothing-like-it").code == 1
    assert "is the beginning of" in detente("show", "a").err


def test_show_of_an_article_that_was_not_judged(detente: Detente) -> None:
    article = detente("search", "--language", "ru", "--json", "-n", 1).json["articles"][0]
    assert "Not judged: language ru" in detente("show", article["id"]).out


def test_trace_shows_the_whole_way(detente: Detente) -> None:
    article = detente("search", "--relevance", "core", "--json", "-n", 1).json["articles"][0]
    said = detente("trace", article["url"], "--json").json
    assert said["id"] == article["id"]
    assert [step["stage"] for step in said["steps"]] == [
        "collectors",
        "collectors",
        "processors",
        "indexer",
    ]
    assert article["feed"] in said["steps"][0]["detail"]
    assert "revision 1 stored" in detente("trace", article["id"]).out
    unknown = detente("trace", "https://nowhere.example/x")
    assert (unknown.code, unknown.out) == (1, "")


def test_feeds_list(detente: Detente, newsroom: Newsroom) -> None:
    feeds = detente("feeds", "list", "--json").json
    assert {feed["feed"] for feed in feeds} == {feed.slug for feed in newsroom.healthy_feeds}
    assert {feed["state"] for feed in feeds} <= {"working", "unchanged"}
    assert sum(feed["articles"] for feed in feeds) == detente("stats", "--json").json["articles"]
    shown = detente("feeds", "list").out
    assert f"{len(feeds)} feeds, 0 in trouble." in shown
    assert detente("feeds", "list", "--trouble", "--json").json == []


def test_feeds_show(detente: Detente, newsroom: Newsroom) -> None:
    feed = newsroom.healthy_feeds[0]
    said = detente("feeds", "show", feed.slug, "--json").json
    assert (said["feed"], said["url"]) == (feed.slug, feed.url)
    assert said["polls"][-1]["state"] == "working"
    assert said["polls"][-1]["new"] == said["articles"] > 0
    assert said["rhythm"]["a_day"] > 0
    shown = detente("feeds", "show", feed.slug).out
    assert all(part in shown for part in (feed.url, "working", " a day, most at "))
    unknown = detente("feeds", "show", "no-such-feed")
    assert (unknown.code, "no feed 'no-such-feed'" in unknown.err) == (2, True)


def test_feeds_coverage(detente: Detente, newsroom: Newsroom, tmp_path: Path) -> None:
    said = detente("feeds", "coverage", "--json").json
    assert sum(group["feeds"] for group in said["groups"]) == len(newsroom.healthy_feeds)
    assert (
        sum(group["articles"] for group in said["groups"])
        == detente("stats", "--json").json["articles"]
    )
    assert (said["blind"], said["outlets"]) == ([], [])
    later = detente("feeds", "coverage", "--since", "2100-01-01", "--json").json
    assert {group["articles"] for group in later["groups"]} == {0}
    shown = detente("feeds", "coverage").out
    assert f"{len(newsroom.healthy_feeds)} feeds, 0 blind" in shown
    assert detente("feeds", "coverage", "--since", "yesterday").code == 2


def test_feeds_poll(detente: Detente, newsroom: Newsroom) -> None:
    feed = newsroom.healthy_feeds[0]
    before = len(detente("feeds", "show", feed.slug, "--json").json["polls"])
    said = detente("feeds", "poll", feed.slug)
    assert said.code == 0
    assert feed.slug in said.out
    assert len(detente("feeds", "show", feed.slug, "--json").json["polls"]) == before + 1
    assert detente("feeds", "poll", "no-such-feed").code == 2


def test_feeds_check_names_what_is_wrong(detente: Detente, newsroom: Newsroom) -> None:
    good, bad = newsroom.healthy_feeds[0], f"{newsroom.url}/faults/wall"
    assert detente("feeds", "check", good.slug).code == 0
    said = detente("feeds", "check", good.slug, bad)
    assert said.code == 1
    assert "html instead of a feed" in said.out
    assert "One moment, please" in said.out
    (moved,) = detente("feeds", "check", f"{newsroom.url}/faults/moved", "--json").json
    assert moved["moved_to"].startswith(newsroom.url)
    assert detente("feeds", "check", "no-such-feed").code == 2


def test_feeds_find(detente: Detente, newsroom: Newsroom) -> None:
    feed = newsroom.healthy_feeds[0]
    found = detente("feeds", "find", feed.url, "--json").json
    assert [one["state"] for one in found] == ["working"], "a feed is found at its own address"
    announced = detente("feeds", "find", newsroom.url, "--json").json
    assert {one["url"] for one in announced} == {one.url for one in newsroom.healthy_feeds}
    assert {one["state"] for one in announced} == {"working"}
    assert feed.url in detente("feeds", "find", newsroom.url).out
    refused = detente("feeds", "add", newsroom.url)
    assert (refused.code, "It announces: " in refused.err) == (1, True)
    nothing = detente("feeds", "find", f"{newsroom.url}/nowhere")
    assert (nothing.code, "announces no feed (not found" in nothing.err) == (1, True)


def test_feeds_add_checks_first(detente: Detente, newsroom: Newsroom, tmp_path: Path) -> None:
    catalogue = tmp_path / "mine.toml"
    good = newsroom.healthy_feeds[0]
    said = detente("feeds", "add", good.url, "--feeds", catalogue, "--country", "US")
    assert said.code == 0
    assert good.title.partition(" (")[0] in catalogue.read_text("utf-8")
    again = detente("feeds", "add", good.url, "--feeds", catalogue)
    assert (again.code, "already" in again.err) == (1, True)
    gone = detente("feeds", "add", f"{newsroom.url}/faults/gone", "--feeds", catalogue)
    assert (gone.code, "--unchecked" in gone.err) == (1, True)
    forced = detente(
        "feeds", "add", "https://sample.example/feed", "--feeds", catalogue, "--unchecked"
    )
    assert forced.code == 0
    assert detente("feeds", "add", "nonsense", "--feeds", catalogue).code == 2
    assert len(detente("feeds", "list", "--feeds", catalogue, "--json").json) == 2
    there = ("--feeds", catalogue)
    (first, second) = (one["feed"] for one in detente("feeds", "list", *there, "--json").json)
    assert "is paused" in detente("feeds", "pause", first, *there).out
    assert detente("feeds", "list", *there, "--json").json[0]["state"] == "disabled"
    assert "is polled" in detente("feeds", "resume", first, *there).out
    assert "is removed" in detente("feeds", "remove", first, *there).out
    assert [one["feed"] for one in detente("feeds", "list", *there, "--json").json] == [second]
    assert detente("feeds", "pause", first, *there).code == 2


def test_feeds_go_out_as_opml_and_come_back(detente: Detente, tmp_path: Path) -> None:
    opml, catalogue = tmp_path / "all.opml", tmp_path / "again.toml"
    assert detente("feeds", "export", opml).code == 0
    assert detente("feeds", "export").out.startswith("<?xml")
    assert detente("feeds", "import", opml, "--feeds", catalogue).code == 0
    first = detente("feeds", "export", "--toml").out
    assert detente("feeds", "export", "--toml", "--feeds", catalogue).out == first
    assert "0 feeds added" in detente("feeds", "import", opml, "--feeds", catalogue).out
    assert detente("feeds", "import", tmp_path / "none.opml").code == 2
    assert detente("feeds", "export", tmp_path / "no" / "folder").code == 2
