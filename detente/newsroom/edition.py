"""What is out at this moment: publishing, editing, retracting, and the documents they lead to."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from threading import RLock

from detente.newsroom import feeds, pages
from detente.newsroom.content import Article, Masthead, Version


@dataclass(frozen=True)
class Document:
    """A body with its validators; `last_modified` is an aware moment in whole seconds."""

    body: bytes
    content_type: str
    last_modified: datetime
    gzip: bool = False

    @property
    def etag(self) -> str:
        """A strong validator of the identity encoding."""
        return f'"{hashlib.blake2b(self.body, digest_size=12).hexdigest()}"'


@dataclass
class _Copy:
    """An article that is out: its current wording and its moments."""

    article: Article
    version: Version
    published: datetime
    modified: datetime
    edited: bool = False
    retracted: bool = False


class Edition:
    """The newsroom's articles over time; safe to use from several threads.

    Ages count back from `start`, an aware moment. Unknown slugs raise KeyError.
    """

    def __init__(self, mastheads: Sequence[Masthead], url: str, start: datetime) -> None:
        self.url = url
        self.other_url = url.replace("127.0.0.1", "localhost")
        self.start = start
        self.mastheads = {masthead.slug: masthead for masthead in mastheads}
        self.faulty = next((masthead for masthead in mastheads if masthead.faulty), None)
        self._lock = RLock()
        self._copies: dict[str, _Copy] = {}
        self._changed = {slug: start - timedelta(days=90) for slug in self.mastheads}
        self._documents: dict[str, Document] = {}
        articles = [article for masthead in mastheads for article in masthead.articles]
        self._all = {article.slug: article for article in articles}
        for article in articles:
            if article.held is None:
                self._publish(article, start - timedelta(hours=article.age_hours))
        held = [article for article in articles if article.held is not None]
        self._held = sorted(held, key=lambda article: article.held or 0)

    @property
    def held(self) -> tuple[str, ...]:
        """The slugs still to be published, in order."""
        with self._lock:
            return tuple(article.slug for article in self._held)

    @property
    def editable(self) -> tuple[str, ...]:
        """The slugs that are out, have a second version, and don't show it yet."""
        with self._lock:
            return tuple(
                slug
                for slug, copy in self._copies.items()
                if copy.article.second and not copy.edited and not copy.retracted
            )

    def publish_next(self) -> Article | None:
        """Publishes the next held-back article, dated now; None when none is left."""
        with self._lock:
            if not self._held:
                return None
            article = self._held.pop(0)
            self._publish(article, datetime.now(UTC))
            return article

    def edit(self, slug: str) -> Article:
        """Shows an article's second version from now on. Raises ValueError if it has none."""
        with self._lock:
            copy = self._out(slug)
            if copy.article.second is None:
                raise ValueError(f"{slug!r} has no second version; try one of {self.editable}")
            copy.version = copy.article.second
            copy.edited = True
            self._touch(copy)
            return copy.article

    def retract(self, slug: str) -> Article:
        """Removes an article's page (404 from now on) and its entry in every feed."""
        with self._lock:
            copy = self._out(slug)
            copy.retracted = True
            self._touch(copy)
            for other in self.mastheads[copy.article.masthead].articles:
                self._documents.pop(other.path, None)  # it may link to the page that is gone
            return copy.article

    def feed(self, slug: str) -> Document:
        """A masthead's feed as it is now."""
        masthead = self.mastheads[slug]
        with self._lock:
            path = masthead.feed_path
            if path not in self._documents:
                newest_first = sorted(
                    (copy for copy in self._copies.values() if copy.article.masthead == slug),
                    key=lambda copy: copy.published,
                    reverse=True,
                )
                entries = [self._entry(copy) for copy in newest_first if not copy.retracted]
                self._documents[path] = Document(
                    body=feeds.render(masthead, self.channel(masthead, path), entries),
                    content_type=feeds.CONTENT_TYPES[masthead.format],
                    last_modified=self._changed[slug],
                    gzip=masthead.gzip,
                )
            return self._documents[path]

    def page(self, path: str) -> Document | None:
        """The page at this path; None if there is none, or not yet, or no longer."""
        copy = self._copies.get(path.rpartition("/")[2])
        if copy is None or copy.article.path != path or copy.retracted:
            return None
        with self._lock:
            if path not in self._documents:
                masthead = self.mastheads[copy.article.masthead]
                others = [
                    (other.article.path, other.version.title)
                    for other in self._copies.values()
                    if other.article.masthead == masthead.slug
                    and other.published < copy.published
                    and not other.retracted
                ]
                self._documents[path] = Document(
                    body=pages.article_page(
                        masthead, copy.article, copy.version, copy.published, others[:3]
                    ),
                    content_type="text/html; charset=utf-8",
                    last_modified=copy.modified,
                )
            return self._documents[path]

    def channel(self, masthead: Masthead, path: str) -> feeds.Channel:
        return feeds.Channel(
            title=masthead.name,
            description=f"{masthead.tagline} {masthead.mark}",
            language=masthead.language,
            home_url=f"{self.url}/",
            self_url=self.url + path,
            updated=feeds.claim(self._changed[masthead.slug], masthead.date_style),
        )

    def fault_entries(self, fault: str) -> list[feeds.Entry]:
        """The entries of the articles that belong to this faulty feed, in the file's order."""
        with self._lock:
            return [
                self._entry(copy)
                for copy in self._copies.values()
                if copy.article.fault == fault and not copy.retracted
            ]

    def _entry(self, copy: _Copy) -> feeds.Entry:
        article = copy.article
        masthead = self.mastheads[article.masthead]
        style = masthead.date_style
        url = self.url + article.path
        plain_guid = masthead.identity == "guid" or masthead.format in ("atom", "json")
        return feeds.Entry(
            guid=f"urn:sample:{masthead.slug}:{article.slug}" if plain_guid else url,
            url=url,
            title=copy.version.title,
            summary=f"{copy.version.summary} {masthead.mark}",
            author=article.byline,
            html=pages.text_html(masthead, copy.version) if masthead.full else None,
            claim=feeds.claim(copy.published, style),
            updated=feeds.claim(copy.modified, style) if copy.edited else None,
        )

    def _publish(self, article: Article, moment: datetime) -> None:
        copy = _Copy(article, article.first, moment, moment.replace(microsecond=0))
        self._copies[article.slug] = copy
        if article.held is None:
            self._changed[article.masthead] = max(self._changed[article.masthead], copy.modified)
        else:
            self._touch(copy)

    def _touch(self, copy: _Copy) -> None:
        """Moves the feed's and the page's Last-Modified on, by a second at least: HTTP dates have
        no fractions, and two changes within a second must not look like one."""
        now = datetime.now(UTC).replace(microsecond=0)
        masthead = copy.article.masthead
        moment = max(now, self._changed[masthead] + timedelta(seconds=1))
        self._changed[masthead] = copy.modified = moment
        self._documents.pop(self.mastheads[masthead].feed_path, None)
        self._documents.pop(copy.article.path, None)

    def _out(self, slug: str) -> _Copy:
        if slug not in self._all:
            raise KeyError(f"no article {slug!r} in the sample newsroom")
        if slug not in self._copies:
            raise KeyError(f"article {slug!r} is held back; publish it first")
        if self._copies[slug].retracted:
            raise KeyError(f"article {slug!r} has been retracted")
        return self._copies[slug]


def with_dates(entries: Sequence[feeds.Entry], claims: Sequence[str | None]) -> list[feeds.Entry]:
    """The entries with other date claims, in order; entries beyond the claims keep theirs."""
    dated = [replace(entry, claim=claim) for entry, claim in zip(entries, claims, strict=False)]
    return dated + list(entries[len(dated) :])
