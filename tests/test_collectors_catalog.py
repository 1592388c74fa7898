"""The feed catalogue, as TOML and as OPML: read, checked, written back."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.catalog import (
    Feed,
    FullText,
    IdentityPolicy,
    Kind,
    add_feeds,
    build_feeds,
    derive_id,
    load_catalogue,
    parse_catalogue,
    to_toml,
)
from collectors.opml import export_opml, import_opml
from detente.errors import ConfigError

ROOT = Path(__file__).parents[1]


def problems(toml: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_catalogue(toml.encode())
    return list(caught.value.problems)


def test_the_catalogue_that_ships() -> None:
    feeds = load_catalogue(ROOT / "feeds.toml")
    assert len(feeds) >= 120
    assert all(feed.outlet and feed.language and feed.evidence for feed in feeds)
    reserved = [feed for feed in feeds if feed.terms == "all rights reserved"]
    assert {feed.full_text for feed in reserved} == {"feed"}
    assert {feed.kind for feed in feeds} == set(get_args(Kind))
    state = next(feed for feed in feeds if feed.id == "state-department")
    assert state.identity == "guid", "state.gov reuses last year's links"


def test_an_address_is_enough() -> None:
    (feed,) = parse_catalogue(b'[[feeds]]\nurl = "https://www.sample.example/feed"\n')
    assert (feed.id, feed.outlet) == ("sample-example", "sample.example")
    assert (feed.identity, feed.full_text, feed.enabled) == ("url", "auto", True)


def test_every_problem_is_said_with_its_place() -> None:
    said = problems(
        'title = "x"\n[[feeds]]\nurl = "ftp://x"\nkind = "blog"\n[[feeds]]\nid = "A B"\n'
        '[[feeds]]\nurl = "https://x.example/a"\nintervall = 3\ninterval = true\n'
        'enabled = "no"\nlanguage = "english"\nencoding = "klingon"\noutlet = "two\\nlines"\n'
        '[[feeds]]\nurl = "https://[bad/"\n'
    )
    text = "\n".join(said)
    for part in (
        "title: a catalogue holds only [[feeds]] tables",
        "feeds[0].url = 'ftp://x': must be an http:// or https:// address",
        "feeds[0].kind = 'blog': must be one of gov",
        "feeds[1].id = 'A B': must consist of",
        "feeds[1].url: missing",
        "feeds[2].intervall: no such key; there are id, url",
        "feeds[2].interval = True: must be a number of seconds above 0",
        "feeds[2].enabled = 'no': must be true or false",
        "feeds[2].language = 'english': must be an ISO 639 code",
        "feeds[2].encoding = 'klingon': no text encoding",
        "feeds[2].outlet = 'two\\nlines': must be a text of one line",
        "feeds[3].url",
    ):
        assert part in text
    assert len(said) == 12


@pytest.mark.parametrize(
    ("toml", "problem"),
    [
        ("feeds = 3", "write each feed as a table"),
        ("[[feeds", "can't be read as TOML"),
        (
            '[[feeds]]\nid = "a"\nurl = "https://x.example/"\n'
            '[[feeds]]\nid = "a"\nurl = "https://x.example/"\n',
            "2 feeds have it",
        ),
    ],
)
def test_what_is_no_catalogue(toml: str, problem: str) -> None:
    assert problem in "\n".join(problems(toml))


def test_a_missing_catalogue_says_how_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="name one in the setting `feeds`"):
        load_catalogue(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("outlet", "url", "id"),
    [
        ("The Sample Times", "https://x.example/", "the-sample-times"),
        ("Élysée — Actualités", "https://x.example/", "elysee-actualites"),
        ("Вести", "https://www.vesti.example/rss", "vesti-example"),
        ("·", "https://xn--80ak6aa92e.example/", "xn-80ak6aa92e-example"),
    ],
)
def test_ids_are_made_readable(outlet: str, url: str, id: str) -> None:
    assert derive_id(outlet, url) == id


def test_ids_that_would_repeat_are_numbered() -> None:
    tables = [(f"{n}", {"url": f"https://x.example/{n}", "outlet": "Same"}) for n in range(3)]
    assert [feed.id for feed in build_feeds(tables)] == ["same", "same-2", "same-3"]


_LINES = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=20
)
_FEEDS = st.lists(
    st.builds(
        Feed,
        id=st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True),
        url=st.from_regex(r"https?://[a-z]{1,10}\.example/[a-z0-9?&=%/]{0,20}", fullmatch=True),
        outlet=_LINES,
        language=st.none() | st.sampled_from(["en", "ru"]),
        country=st.none() | st.sampled_from(["US", "RU"]),
        kind=st.none() | st.sampled_from(get_args(Kind)),
        identity=st.sampled_from(get_args(IdentityPolicy)),
        full_text=st.sampled_from(get_args(FullText)),
        interval=st.none() | st.floats(1e-3, 1e6),
        encoding=st.none() | st.just("windows-1251"),
        terms=st.none() | _LINES,
        evidence=st.none() | _LINES,
        enabled=st.booleans(),
    ),
    unique_by=(lambda feed: feed.id, lambda feed: feed.url),
    max_size=5,
)


@settings(max_examples=40)
@given(_FEEDS)
def test_toml_comes_back_as_it_was(feeds: list[Feed]) -> None:
    assert parse_catalogue(to_toml(feeds).encode()) == tuple(feeds)


@settings(max_examples=40)
@given(_FEEDS)
def test_opml_comes_back_as_it_was(feeds: list[Feed]) -> None:
    assert import_opml(export_opml(feeds)) == tuple(feeds)


def test_every_field_of_a_feed_is_in_these_round_trips() -> None:
    given_by_test = {
        *"id url outlet language country kind identity full_text interval terms evidence".split()
    }
    assert {field.name for field in fields(Feed)} == given_by_test | {"encoding", "enabled"}


OPML = """<opml version="2.0"><head><title>mine</title></head><body>
<outline text="Think tanks"><outline text="ThinkTank">
  <outline type="rss" text="One" xmlUrl="https://one.example/feed" language="en-us"/>
</outline></outline>
<outline type="rss" title="Two" xmlUrl=" https://two.example/feed " category="/Gov,/x"/>
<outline type="rss" text="One again" xmlUrl="https://one.example/feed"/>
</body></opml>"""


def test_a_readers_list(tmp_path: Path) -> None:
    file = tmp_path / "list.opml"
    file.write_text(OPML, "utf-8")
    one, two = load_catalogue(file)
    assert (one.id, one.outlet, one.language, one.kind) == ("one", "One", "en", "thinktank")
    assert (two.id, two.url, two.kind) == ("two", "https://two.example/feed", "gov")


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ("<opml><body>", "can't be read as OPML"),
        ("<html/>", "the root element is <html>"),
        ('<!DOCTYPE x [<!ENTITY e "x">]><opml/>', "a DOCTYPE isn't accepted"),
        ('<opml><body><outline type="rss" text="x"/></body></opml>', "without an xmlUrl"),
        (
            '<opml><body><outline xmlUrl="https://x.example/" text="x" '
            'xmlns:d="https://detente.invalid/opml" d:interval="soon"/></body></opml>',
            "must be a number of seconds",
        ),
    ],
)
def test_what_is_no_list(document: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem.replace("(", r"\(")):
        import_opml(document.encode())


def add(path: Path, **values: Any) -> tuple[Feed, ...]:
    return add_feeds(path, build_feeds([("test", {"url": "https://x.example/feed", **values})]))


def test_adding_leaves_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "feeds.toml"
    path.write_text('# mine\n[[feeds]]\nid = "x"\nurl = "https://a.example/"', "utf-8")
    (added,) = add(path, id="x")
    assert added.id == "x-2", "its id is taken"
    assert path.read_text("utf-8").startswith("# mine\n")
    assert [feed.id for feed in load_catalogue(path)] == ["x", "x-2"]
    before = path.read_text("utf-8")
    assert add(path, id="other") == (), "its address is there"
    assert path.read_text("utf-8") == before


def test_adding_makes_the_file_or_says_why_not(tmp_path: Path) -> None:
    assert len(add(tmp_path / "new.toml")) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["new.toml"], "no draft is left"
    with pytest.raises(ConfigError, match="only a TOML catalogue"):
        add(tmp_path / "list.opml")
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="can't be read"):
        add(tmp_path / "bad.toml")


def test_adding_keeps_line_ends_and_links(tmp_path: Path) -> None:
    there = tmp_path / "there.toml"
    there.write_bytes(b'[[feeds]]\r\nurl = "https://a.example/"\r\n')
    (tmp_path / "feeds.toml").symlink_to(there)
    add(tmp_path / "feeds.toml")
    assert (tmp_path / "feeds.toml").is_symlink()
    assert there.read_bytes().startswith(b'[[feeds]]\r\nurl = "https://a.example/"\r\n\n[[feeds]]')
    assert len(load_catalogue(tmp_path / "feeds.toml")) == 2


def test_adding_to_what_cant_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be written"):
        add(tmp_path / "nowhere" / "feeds.toml")
    path = tmp_path / "feeds.toml"
    path.write_text("[[feeds]]\nkind = 3\n", "utf-8")
    with pytest.raises(ConfigError, match=r"feeds\[0\].kind"):
        add(path)
    assert path.read_text("utf-8") == "[[feeds]]\nkind = 3\n"


@settings(max_examples=30)
@given(_FEEDS, _FEEDS)
def test_adding_is_the_sum_of_both(
    tmp_path_factory: pytest.TempPathFactory, before: list[Feed], more: list[Feed]
) -> None:
    path = tmp_path_factory.getbasetemp() / "sum.toml"
    path.write_text(to_toml(before), "utf-8")
    added = add_feeds(path, more)
    assert load_catalogue(path) == (*before, *added)
    assert [feed.url for feed in added] == [
        feed.url for feed in more if feed.url not in {one.url for one in before}
    ]
    assert add_feeds(path, more) == ()


def test_languages_that_lists_make_up() -> None:
    """`unknown` is the OPML standard's own example."""
    for written, language in (("unknown", None), ("en_US", "en"), ("RU", "ru"), ("", None)):
        outline = f'<outline xmlUrl="https://x.example/" text="x" language="{written}"/>'
        (feed,) = import_opml(f"<opml><body>{outline}</body></opml>".encode())
        assert feed.language == language


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_no_encoding_hides_a_doctype(encoding: str) -> None:
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 9))
    doctype = f'<!DOCTYPE opml [<!ENTITY a0 "x">{entities}]>'
    written = f'<?xml version="1.0" encoding="{encoding}"?>{doctype}<opml><body>&a8;</body></opml>'
    with pytest.raises(ConfigError, match="a DOCTYPE isn't accepted"):
        import_opml(written.encode(encoding))


@given(st.binary(max_size=100) | st.text("<>opmlbdyutine =/\"'", max_size=80).map(str.encode))
def test_any_bytes_are_a_list_or_a_problem(data: bytes) -> None:
    for body in (data, b"<opml><body>" + data + b"</body></opml>"):
        with suppress(ConfigError):
            import_opml(body)
    with suppress(ConfigError):
        parse_catalogue(data)
