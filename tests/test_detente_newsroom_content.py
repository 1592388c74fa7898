"""The sample newsroom's files: what they say, and what is said about bad ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest

from detente.newsroom import Newsroom, content, load_mastheads
from detente.newsroom.content import ContentError, read_masthead, repetitions
from detente.newsroom.feeds import Channel, claim, render
from detente.newsroom.pages import text_html
from tests.test_detente_newsroom import entries

pytestmark = pytest.mark.timeout(30)

WHERE = "times.toml"
GOOD = (
    """
[masthead]
slug = "times"
name = "Sample Times"
tagline = "A tagline"
language = "en"
country = "IE"
kind = "wire"
format = "rss"
full = true
date_style = "rfc822-gmt"

[[articles]]
slug = "first"
byline = "Nobody"
age_hours = 1
title = "A title"
summary = """
    + "'''A summary\nin two lines'''"
    + """
expected = { relevance = "none" }
body = '''
## One & two

Three < four,
five.
'''
[articles.second]
title = "Another title"
summary = "Another summary"
body = "Another body"
"""
)


def problems(text: str) -> list[str]:
    with pytest.raises(ContentError) as caught:
        read_masthead(text, WHERE)
    assert str(caught.value).startswith("the sample newsroom can't open:\n  ")
    return list(caught.value.problems)


def test_a_good_file() -> None:
    masthead = read_masthead(GOOD, WHERE)
    assert (masthead.encoding, masthead.gzip, masthead.identity) == ("utf-8", False, "url")
    assert (masthead.feed_path, masthead.faulty) == ("/sample/times/feed.xml", False)
    (article,) = masthead.articles
    assert (article.held, article.fault, article.age_hours) == (None, None, 1.0)
    assert article.path == "/sample/times/first"
    assert article.first.summary == "A summary in two lines"
    assert article.first.paragraphs == ("## One & two", "Three < four, five.")
    assert article.first.words == 8
    assert article.second is not None
    assert article.expected == content.Expected("none")


ARTICLE = "times.toml, article 'first'"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[masthead]", "[masthead", "times.toml: not TOML: "),
        ("[masthead]", "extra = 1\n[masthead]", "times.toml: unknown key `extra`; remove it"),
        ('country = "IE"', "", "times.toml, masthead: `country` is missing; give a str"),
        ('country = "IE"', 'country = ""', "times.toml, masthead: `country` is ''; give a str"),
        ("full = true", 'full = "yes"', "times.toml, masthead: `full` is 'yes'; give a bool"),
        ("full = true", "full = 1", "times.toml, masthead: `full` is 1; give a bool"),
        ('"wire"', '"blog"', "times.toml, masthead: `kind` is 'blog'; use one of ['gov', "),
        ('"times"', '"The Times"', "times.toml, masthead: `slug` is 'The Times'; it becomes"),
        ("full = true", 'full = true\nencoding = "utf-9"', "`encoding` 'utf-9' is unknown"),
        (
            'format = "rss"',
            'format = "json"\nencoding = "koi8-r"',
            "times.toml, masthead: JSON is always UTF-8; remove `encoding`",
        ),
        ("full = true", "full = true\nextra = 1", "times.toml, masthead: unknown key `extra`"),
        ('slug = "first"', "", "times.toml, article 1: `slug` is missing; give a str"),
        ('slug = "first"', 'slug = "a/b"', "times.toml, article 'a/b': `slug` is 'a/b'; it"),
        ("age_hours = 1", "", f"{ARTICLE}: `age_hours` is missing; give a float"),
        ("age_hours = 1", "age_hours = true", f"{ARTICLE}: `age_hours` is True; give a float"),
        ("age_hours = 1", "held = true", f"{ARTICLE}: `held` is True; give a int"),
        ("age_hours = 1", "held = 1.5", f"{ARTICLE}: `held` is 1.5; give a int"),
        (
            'relevance = "none"',
            'relevance = "some"',
            f"{ARTICLE}, expected: `relevance` is 'some'; use one of ['core', ",
        ),
        (
            'relevance = "none"',
            'relevance = "core", usa_rus = "warm"',
            f"{ARTICLE}, expected: `usa_rus` is 'warm'; use one of ['cooperative', ",
        ),
        ("expected = {", "expect = {", f"{ARTICLE}: `expected` is missing; give a dict"),
        ('"Another title"', '"A title"', f"{ARTICLE}: the second version keeps the title; "),
        (
            'body = "Another body"',
            "",
            f"{ARTICLE}, second version: `body` is missing; give a str",
        ),
        (
            "[articles.second]",
            "[articles.second]\nheld = 1",
            f"{ARTICLE}, second version: unknown key `held`; remove it",
        ),
        ("[[articles]]", "[[pieces]]", "times.toml: `articles` is missing; give a list"),
    ],
)
def test_a_bad_file_is_told_what_and_where(old: str, new: str, expected: str) -> None:
    assert old in GOOD
    if old == "[[articles]]":
        text = GOOD.replace("articles", "pieces")
    else:
        text = GOOD.replace(old, new, 1)
    found = problems(text)
    assert any(expected in problem for problem in found), found


def test_all_problems_come_at_once() -> None:
    text = GOOD.replace('country = "IE"', "").replace('byline = "Nobody"', "by = 1")
    assert problems(text) == [
        f"{ARTICLE}: `byline` is missing; give a str",
        f"{ARTICLE}: unknown key `by`; remove it",
        "times.toml, masthead: `country` is missing; give a str",
    ]


def test_articles_must_be_tables() -> None:
    head = GOOD.partition("[[articles]]")[0]
    assert problems(f"articles = [1]\n{head}") == [
        "times.toml: `articles` holds more than [[articles]] tables"
    ]


def test_a_masthead_of_faulty_feeds_has_nothing_else() -> None:
    one, _, article = GOOD.partition("[[articles]]")
    second = article.replace("first", "other").replace("byline", 'fault = "gone"\nbyline')
    text = f"{one}[[articles]]{article}[[articles]]{second}"
    (problem,) = problems(text)
    assert problem.startswith(f"{ARTICLE}: `fault` is missing; ")


def test_slugs_and_held_numbers_are_used_once() -> None:
    masthead = read_masthead(GOOD.replace("age_hours = 1", "held = 4"), WHERE)
    assert repetitions([masthead]) == []
    assert repetitions([masthead, masthead]) == [
        "slug 'first' is used 2 times; change all but one",
        "masthead slug 'times' is used 2 times; change all but one",
        "`held = 4` is used 2 times; change all but one",
    ]


def test_the_shipped_files_are_checked_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "repetitions", lambda _: ["slug 'a' is used 2 times"])
    with pytest.raises(ContentError, match="slug 'a' is used 2 times"):
        load_mastheads.__wrapped__()


def test_unknown_forms_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown date style 'stardate'"):
        claim(datetime.now(UTC), "stardate")
    odd = replace(load_mastheads()[0], format="gopher")
    channel = Channel("t", "d", "en", "http://127.0.0.1/", "http://127.0.0.1/feed", "today")
    with pytest.raises(ValueError, match="unknown feed format 'gopher'"):
        render(odd, channel, [])


def test_subheadings_and_markup_are_safe() -> None:
    text = GOOD.replace("Sample Times", "M & Sons").replace("A title", "R&D <b>")
    masthead = read_masthead(text, WHERE)
    html = text_html(masthead, masthead.articles[0].first)
    assert html.startswith("<h2>One &amp; two</h2>\n<p>Three &lt; four, five.</p>\n")
    with Newsroom(mastheads=[masthead]) as newsroom:
        page = httpx.get(f"{newsroom.url}/sample/times/first", trust_env=False).text
        found = entries(httpx.get(newsroom.healthy_feeds[0].url, trust_env=False))
    assert "<h1>R&amp;D &lt;b&gt;</h1>" in page
    assert "M &amp; Sons does not exist" in page
    assert found[0].html is not None
    assert "Three &lt; four" in found[0].html
