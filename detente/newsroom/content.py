"""The articles: what they are, and how they are read from `articles/*.toml`.

One file is one masthead with its articles. A body is plain text: an empty line ends a paragraph,
and a paragraph that begins with `## ` is a subheading. All problems of a file are reported at once.
"""

from __future__ import annotations

import codecs
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar

T = TypeVar("T")

FORMATS = ("rss", "rdf", "atom", "json")
DATE_STYLES = ("rfc822-gmt", "rfc822-offset", "rfc822-short", "iso-z", "iso-offset", "iso-millis")
KINDS = ("gov", "state-media", "independent", "wire", "igo", "thinktank")
RELEVANCE = ("core", "peripheral", "none")
DIRECTIONS = ("cooperative", "neutral", "adversarial", "absent")

SUBHEADING = "## "
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

NOTICES = {
    "en": "This is a sample article, invented for the demonstration of Détente. {name} does not "
    "exist, and nothing in this text happened.",
    "ru": "Это учебный образец, сочинённый для демонстрации Détente. Издания {name} не "
    "существует, и ничего из описанного не происходило.",
}
MARKS = {"en": "[Sample text]", "ru": "[Учебный образец]"}
"""The short notice, at the end of every summary."""


class ContentError(ValueError):
    """The newsroom's files are wrong; the message lists every problem and where it is."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("the sample newsroom can't open:\n  " + "\n  ".join(self.problems))


@dataclass(frozen=True)
class Version:
    """One wording of an article; `paragraphs` exclude the notice."""

    title: str
    summary: str
    paragraphs: tuple[str, ...]

    @property
    def words(self) -> int:
        return sum(len(paragraph.split()) for paragraph in self.paragraphs)


@dataclass(frozen=True)
class Expected:
    """What a reader would say: the relevance, and the sign of each direction where it is clear."""

    relevance: str
    usa_rus: str | None = None
    rus_usa: str | None = None


@dataclass(frozen=True)
class Article:
    """One article. `age_hours` counts back from the server's start; an article with a `held`
    number is published later, in the order of these numbers. `fault` names the faulty feed that
    alone carries it, if any."""

    slug: str
    masthead: str
    language: str
    byline: str
    first: Version
    second: Version | None
    age_hours: float
    held: int | None
    fault: str | None
    expected: Expected

    @property
    def path(self) -> str:
        return f"/sample/{self.masthead}/{self.slug}"


@dataclass(frozen=True)
class Masthead:
    """An invented publisher with its one feed: `full` feeds carry the text, others a summary."""

    slug: str
    name: str
    tagline: str
    language: str
    country: str
    kind: str
    format: str
    full: bool
    date_style: str
    encoding: str
    gzip: bool
    identity: str
    articles: tuple[Article, ...]

    @property
    def feed_path(self) -> str:
        return f"/sample/{self.slug}/feed.{'json' if self.format == 'json' else 'xml'}"

    @property
    def faulty(self) -> bool:
        """Its articles are for the faulty feeds alone, so it has no feed of its own."""
        return any(article.fault for article in self.articles)

    @property
    def notice(self) -> str:
        return NOTICES[self.language].format(name=self.name)

    @property
    def mark(self) -> str:
        return MARKS[self.language]


class _Table:
    """A TOML table that notes what is missing, of the wrong type or unknown."""

    def __init__(self, table: Mapping[str, Any], where: str, problems: list[str]) -> None:
        self._left = dict(table)
        self.where = where
        self.problems = problems

    def take(self, key: str, kind: type[T], default: T | None = None) -> T:
        value = self._left.pop(key, default)
        whole = isinstance(value, int) and not isinstance(value, bool)
        if whole and kind is float:
            value = float(value)
        # A bool is an int to Python, but `held = true` is a slip.
        if isinstance(value, kind) and value != "" and (whole or kind is not int):
            return value
        found = "is missing" if value is None else f"is {value!r}"
        self.problems.append(f"{self.where}: `{key}` {found}; give a {kind.__name__}")
        return kind()

    def optional(self, key: str, kind: type[T]) -> T | None:
        return self.take(key, kind) if key in self._left else None

    def optional_choice(self, key: str, allowed: tuple[str, ...]) -> str | None:
        return self.choice(key, allowed) if key in self._left else None

    def choice(self, key: str, allowed: tuple[str, ...], default: str | None = None) -> str:
        value = self.take(key, str, default)
        if value and value not in allowed:
            self.problems.append(f"{self.where}: `{key}` is {value!r}; use one of {list(allowed)}")
        return value

    def slug(self) -> str:
        value = self.take("slug", str)
        if value and not _SLUG.fullmatch(value):
            self.problems.append(
                f"{self.where}: `slug` is {value!r}; it becomes a part of URLs, so use "
                "small letters, digits and single hyphens"
            )
        return value

    def finish(self) -> None:
        self.problems += [f"{self.where}: unknown key `{key}`; remove it" for key in self._left]


def _paragraphs(body: str) -> tuple[str, ...]:
    return tuple(" ".join(block.split()) for block in body.split("\n\n") if block.strip())


def _version(table: _Table) -> Version:
    return Version(
        title=table.take("title", str),
        summary=" ".join(table.take("summary", str).split()),
        paragraphs=_paragraphs(table.take("body", str)),
    )


def _expected(table: _Table) -> Expected:
    expected = Expected(
        relevance=table.choice("relevance", RELEVANCE),
        usa_rus=table.optional_choice("usa_rus", DIRECTIONS),
        rus_usa=table.optional_choice("rus_usa", DIRECTIONS),
    )
    table.finish()
    return expected


def _article(table: _Table, masthead: str, language: str) -> Article:
    held = table.optional("held", int)
    second = table.optional("second", dict)
    later = (
        None if second is None else _Table(second, f"{table.where}, second version", table.problems)
    )
    article = Article(
        slug=table.slug(),
        masthead=masthead,
        language=language,
        byline=table.take("byline", str),
        first=_version(table),
        second=_version(later) if later else None,
        age_hours=table.take("age_hours", float, None if held is None else 0.0),
        held=held,
        fault=table.optional("fault", str),
        expected=_expected(
            _Table(table.take("expected", dict), f"{table.where}, expected", table.problems)
        ),
    )
    if later and article.second:
        later.finish()
        if article.second.title == article.first.title != "":
            table.problems.append(
                f"{table.where}: the second version keeps the title; a summary feed shows an edit "
                "by its title alone, so change it"
            )
    table.finish()
    return article


def read_masthead(text: str, where: str) -> Masthead:
    """One file's masthead and articles.

    Raises ContentError with every problem of the file.
    """
    problems: list[str] = []
    try:
        top = _Table(tomllib.loads(text), where, problems)
    except tomllib.TOMLDecodeError as error:
        raise ContentError([f"{where}: not TOML: {error}"]) from error
    head = _Table(top.take("masthead", dict), f"{where}, masthead", problems)
    slug = head.slug()
    language = head.choice("language", tuple(NOTICES))
    tables = top.take("articles", list)
    if not all(isinstance(table, dict) for table in tables):
        raise ContentError([*problems, f"{where}: `articles` holds more than [[articles]] tables"])
    articles = tuple(
        _article(
            _Table(table, f"{where}, article {table.get('slug', number)!r}", problems),
            slug,
            language,
        )
        for number, table in enumerate(tables, 1)
    )
    masthead = Masthead(
        slug=slug,
        name=head.take("name", str),
        tagline=head.take("tagline", str),
        language=language,
        country=head.take("country", str),
        kind=head.choice("kind", KINDS),
        format=head.choice("format", FORMATS),
        full=head.take("full", bool),
        date_style=head.choice("date_style", DATE_STYLES),
        encoding=head.take("encoding", str, "utf-8"),
        gzip=head.take("gzip", bool, False),
        identity=head.choice("identity", ("url", "guid"), "url"),
        articles=articles,
    )
    head.finish()
    top.finish()
    problems += _contradictions(masthead, where)
    if problems:
        raise ContentError(problems)
    return masthead


def _contradictions(masthead: Masthead, where: str) -> list[str]:
    """What each field allows and the fields together don't."""
    problems = []
    try:
        codecs.lookup(masthead.encoding)
    except LookupError:
        problems.append(f"{where}, masthead: `encoding` {masthead.encoding!r} is unknown to Python")
    if masthead.format == "json" and masthead.encoding.lower() != "utf-8":
        problems.append(f"{where}, masthead: JSON is always UTF-8; remove `encoding`")
    if masthead.faulty:
        problems += [
            f"{where}, article {article.slug!r}: `fault` is missing; a masthead of faulty feeds "
            "has no feed of its own, so nobody would see this article"
            for article in masthead.articles
            if article.fault is None
        ]
    return problems


def repetitions(mastheads: Sequence[Masthead]) -> list[str]:
    """A problem for each slug and each `held` number that is used more than once: slugs name
    mastheads and articles everywhere, and the numbers are one order for the whole newsroom."""
    articles = [article for masthead in mastheads for article in masthead.articles]
    used: Counter[str] = Counter(f"slug {article.slug!r}" for article in articles)
    used.update(f"masthead slug {masthead.slug!r}" for masthead in mastheads)
    used.update(f"`held = {article.held}`" for article in articles if article.held is not None)
    return [
        f"{what} is used {times} times; change all but one"
        for what, times in used.items()
        if times > 1
    ]


@cache
def load_mastheads() -> tuple[Masthead, ...]:
    """Every masthead that ships with Détente, in the order of the file names.

    Raises ContentError with every problem of the first file that has one, or with repetitions
    across the files.
    """
    folder = files("detente.newsroom").joinpath("articles")
    mastheads = tuple(
        read_masthead(file.read_text(encoding="utf-8"), file.name)
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".toml")
    )
    if problems := repetitions(mastheads):
        raise ContentError(problems)
    return mastheads
