"""What the entries of a poll mean: new article, changed article, or seen before. No I/O."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from collectors.catalog import Feed
from collectors.edits import change_of, fingerprint, is_alike
from collectors.entry import Entry
from collectors.forgetting import NOTED
from collectors.fulltext import PageFailure, PageResult, body_of, wants_page
from collectors.identity import Identified, article_id
from collectors.plaintext import collapse
from collectors.plan import ArticleRow, Known, KnownArticle, KnownSighting, SightingRow
from detente.article import CollectedArticle, Source, TextOrigin

MAX_PAGE_TRIES = 4
"""One fetch when the entry appears, and three more on later polls after transient failures."""


MAX_REVISIONS = 50
"""An article that changed more often flaps (a clock in its text, a date that is always now), and
each revision costs its page another request and the judge its time: it is let be."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome for one document, oldest entry first. `seen` are article ids, one for each entry;
    `dropped` are reasons."""

    messages: tuple[CollectedArticle, ...]
    articles: tuple[ArticleRow, ...]
    aliases: tuple[tuple[str, str], ...]
    sightings: tuple[SightingRow, ...]
    new: int
    changed: int
    seen: tuple[str, ...]
    dropped: tuple[str, ...]


def pages_wanted(
    identified: Sequence[Identified], feed: Feed, known: Known
) -> tuple[Identified, ...]:
    """The entries whose page is to be fetched before deciding, each article once."""
    wanted: dict[str, Identified] = {}
    for item in identified:
        article = _find(item, known)
        sighting = known.sightings.get(article.id) if article else None
        if article and article.owner != feed.id:
            continue
        if _is_settled(item.entry, article, sighting) or not item.has_page:
            continue
        if wants_page(item.entry, feed):
            wanted.setdefault(article.id if article else item.key, item)
    return tuple(wanted.values())


def decide(
    identified: Sequence[Identified],
    feed: Feed,
    known: Known,
    *,
    pages: Mapping[str, PageResult],
    language: str | None,
    now: datetime,
) -> Decision:
    """Sort the entries of one document into new, changed and seen.

    `pages` are the results of the fetches that `pages_wanted` asked for, by identity key;
    `language` is the document's own. Feeds list the newest first, so the messages come in reverse.
    An article that several entries of the document lead to counts once, by the uppermost.
    """
    draft = _Draft(feed, known, pages, feed.language or language, now)
    first_of: dict[str, Identified] = {}
    for item in identified:
        article = _find(item, known)
        id = article.id if article else article_id(item.key)
        if first_of.setdefault(id, item) is not item:
            draft.note_repeat(id)
    for id, item in reversed(first_of.items()):
        draft.add(id, item, _find(item, known))
    return draft.decision()


def content_hash(title: str, body: str, entry: Entry) -> bytes:
    """Over what a reader would call the content: the title, the text and the claimed date.

    The date counts by its instant where it has one, so that a zone spelled anew is no change.
    """
    instant = entry.date.instant
    date = instant.isoformat() if instant else entry.date.claim or ""
    digest = hashlib.blake2b(digest_size=16)
    for part in (collapse(title), collapse(body), date):
        digest.update(part.encode())
        digest.update(b"\0")
    return digest.digest()


def _find(item: Identified, known: Known) -> KnownArticle | None:
    """The known article of an entry: by its identity key, then by its aliases."""
    for key in item.keys:
        if id := known.ids.get(key):
            return known.articles[id]
    return None


def _is_settled(entry: Entry, article: KnownArticle | None, sighting: KnownSighting | None) -> bool:
    """Whether the feed says of the article what it said before, and no page is still to come."""
    if article is not None and article.revision >= MAX_REVISIONS:
        return True
    return sighting is not None and not sighting.page_tries and sighting.raw_hash == entry.raw_hash


class _Draft:
    """A decision in the making; lives within one call of `decide`."""

    def __init__(
        self,
        feed: Feed,
        known: Known,
        pages: Mapping[str, PageResult],
        language: str | None,
        now: datetime,
    ) -> None:
        self._feed = feed
        self._known = known
        self._pages = pages
        self._language = language
        self._now = now
        self._messages: list[CollectedArticle] = []
        self._articles: list[ArticleRow] = []
        self._aliases: list[tuple[str, str]] = []
        self._sightings: list[SightingRow] = []
        self._seen: list[str] = []
        self._dropped: list[str] = []
        self._new = 0
        self._added: set[str] = set()

    def add(self, id: str, item: Identified, article: KnownArticle | None) -> None:
        """Decide on one article."""
        if id in self._added:
            self._seen.append(id)
            return
        sighting = self._known.sightings.get(id)
        if article is not None and (
            article.owner != self._feed.id or _is_settled(item.entry, article, sighting)
        ):
            self._note_seen(id, item, article, sighting)
            return
        page = self._pages.get(item.key)
        tries = _page_tries(page, sighting)
        if article is not None and _should_hold(page, tries, article):
            kept = sighting or KnownSighting(b"")
            self._sightings.append(self._sighting(id, kept.raw_hash, tries))
            self._seen.append(id)
            self._added.add(id)
            return
        body, origin = body_of(item.entry, self._feed, page)
        if not item.entry.title and not body:
            self._dropped.append(f"{item.url}: an entry with neither title nor text")
            return
        if article is None and (twin := self._twin(item, body, origin)):
            id, article = twin.id, twin
        self._learn(id, item, article)
        if id in self._added:
            self._seen.append(id)
            return
        self._added.add(id)
        self._sightings.append(self._sighting(id, item.entry.raw_hash, tries))
        hash = content_hash(item.entry.title, body, item.entry)
        if article is not None and article.content_hash == hash:
            self._seen.append(id)
            return
        self._publish(id, item, article, body, origin, hash, page)

    def _twin(self, item: Identified, body: str, origin: TextOrigin) -> KnownArticle | None:
        """The article of this feed with the same headline, day and text: its keys have changed."""
        id = self._known.ids.get(item.title_day or "")
        found = self._known.articles[id] if id else None
        if found is None or found.owner != self._feed.id or not is_alike(found, body, origin):
            return None
        return found

    def note_repeat(self, id: str) -> None:
        """One more entry of this document that leads to the article."""
        self._seen.append(id)

    def decision(self) -> Decision:
        return Decision(
            messages=tuple(self._messages),
            articles=tuple(self._articles),
            aliases=tuple(self._aliases),
            sightings=tuple(self._sightings),
            new=self._new,
            changed=len(self._messages) - self._new,
            seen=tuple(self._seen),
            dropped=tuple(self._dropped),
        )

    def _note_seen(
        self, id: str, item: Identified, article: KnownArticle, sighting: KnownSighting | None
    ) -> None:
        self._seen.append(id)
        self._added.add(id)
        if sighting is None:
            self._sightings.append(self._sighting(id, item.entry.raw_hash, 0))
            self._learn(id, item, article)
        elif sighting.last_shown < self._now.timestamp() - NOTED:
            self._sightings.append(self._sighting(id, sighting.raw_hash, sighting.page_tries))

    def _learn(self, id: str, item: Identified, article: KnownArticle | None) -> None:
        """Remember the keys that aren't known to lead to this article yet."""
        known = {article.identity, *article.aliases} if article else set()
        self._aliases += [(key, id) for key in item.all_keys if key not in known]

    def _sighting(self, id: str, raw_hash: bytes, tries: int) -> SightingRow:
        return SightingRow(id, raw_hash, tries, self._now.timestamp())

    def _publish(
        self,
        id: str,
        item: Identified,
        article: KnownArticle | None,
        body: str,
        origin: TextOrigin,
        hash: bytes,
        page: PageResult | None,
    ) -> None:
        entry, feed, now = item.entry, self._feed, self._now
        identity = article.identity if article else item.key
        known_aliases = article.aliases if article else ()
        aliases = dict.fromkeys((*known_aliases, *item.all_keys))
        revision = article.revision + 1 if article else 1
        first_seen = datetime.fromtimestamp(article.first_seen, UTC) if article else now
        self._messages.append(
            CollectedArticle(
                id=id,
                revision=revision,
                identity=identity,
                aliases=tuple(key for key in aliases if key != identity),
                url=item.url,
                title=entry.title,
                body=body,
                language=self._language,
                authors=entry.authors,
                published=entry.date.instant,
                published_claim=entry.date.claim,
                published_quality=entry.date.quality,
                first_seen=first_seen,
                collected=now,
                text_origin=origin,
                change=change_of(article, entry.title, body, origin) if article else None,
                wall=page.wall if page else None,
                medium=entry.medium,
                source=Source(
                    feed=feed.id,
                    outlet=feed.outlet,
                    host=urlsplit(item.url).hostname or "",
                    country=feed.country,
                    kind=feed.kind,
                ),
            )
        )
        self._articles.append(
            ArticleRow(
                id=id,
                identity=identity,
                owner=feed.id,
                url=item.url,
                title=entry.title,
                revision=revision,
                content_hash=hash,
                text_origin=origin,
                first_seen=first_seen.timestamp(),
                changed=now.timestamp(),
                fingerprint=fingerprint(body),
            )
        )
        self._new += article is None


def _page_tries(page: PageResult | None, sighting: KnownSighting | None) -> int:
    """The tries to remember: counted up by a transient failure, 0 once nothing is pending."""
    if not isinstance(page, PageFailure) or not page.transient:
        return 0
    tries = sighting.page_tries if sighting else 0
    if not page.tried:
        return max(tries, 1)  # as much as to say that something is pending
    tries += 1
    return tries if tries < MAX_PAGE_TRIES else 0


def _should_hold(page: PageResult | None, tries: int, article: KnownArticle) -> bool:
    """Whether to wait for the page rather than replace a full text by a summary."""
    return tries > 0 and isinstance(page, PageFailure) and article.text_origin == "page"
