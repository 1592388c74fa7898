"""An article's page by itself, without a feed: for a person who has only its address."""

from __future__ import annotations

import asyncio
from typing import NamedTuple
from urllib.parse import urlsplit

from collectors.fetch import ACCEPT_PAGE, Fetched, Fetcher, FetchFailure
from collectors.fulltext import decoded_page, without_headline
from collectors.plaintext import collapse, paragraphs
from collectors.politeness import HostGate
from detente.settings import CollectorSettings


class Page(NamedTuple):
    """What a page says, and on which host it was found in the end."""

    title: str
    text: str
    host: str


class NoArticle(Exception):
    """The address gives no article; the message is for a person."""


def read_page(settings: CollectorSettings, url: str) -> Page:
    """Fetch and extract the article at `url`. Raises NoArticle."""

    async def fetch() -> Fetched:
        async with Fetcher(settings, HostGate(settings.host_spacing)) as fetcher:
            answer = await fetcher.fetch(url, max_bytes=settings.max_page_bytes, accept=ACCEPT_PAGE)
            if isinstance(answer, FetchFailure):
                raise NoArticle(f"{answer.state}: {answer.message}")
            assert isinstance(answer, Fetched)  # nothing else without validators
            return answer

    return _extracted(asyncio.run(fetch()))


def _extracted(answer: Fetched) -> Page:
    host = urlsplit(answer.url).hostname or ""
    if "html" not in answer.content_type.lower():
        if answer.content_type.startswith("text/plain"):
            title, _, text = answer.body.decode("utf-8", "replace").partition("\n")
            return Page(collapse(title), paragraphs(text), host)
        raise NoArticle(f"{answer.url} is {answer.content_type or 'of no stated type'}, not HTML")
    import trafilatura

    try:
        found = trafilatura.bare_extraction(
            decoded_page(answer.body, answer.content_type),
            url=answer.url,
            include_comments=False,
            include_tables=False,
            with_metadata=True,
        )
    except Exception as error:  # as in `fulltext`
        raise NoArticle(f"{answer.url} can't be extracted: {error}") from error
    title, text = (getattr(found, name, None) or "" for name in ("title", "text"))
    if not text.strip():
        raise NoArticle(f"{answer.url}: no article could be found in the page")
    return Page(collapse(title), without_headline(paragraphs(text), title), host)
