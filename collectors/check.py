"""What a feed would give, looked at once: nothing is remembered and nothing is published."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from collectors.catalog import Feed
from collectors.discover import announced_feeds
from collectors.fetch import Fetched, Fetcher, FetchFailure
from collectors.fulltext import wants_page
from collectors.identity import identify
from collectors.parse import ParseFailure, parse_feed
from collectors.politeness import HostGate
from collectors.status import PollState
from detente.settings import CollectorSettings


@dataclass(frozen=True, slots=True)
class FeedCheck:
    """One feed as it answers now. `moved_to` is where permanent redirects lead; `summaries` counts
    the entries whose text is on their page only; `undated` those whose date can't be believed.
    `announced` are the feeds that a web page in a feed's place says that there are."""

    feed: str
    url: str
    state: PollState
    message: str
    format: str = ""
    title: str = ""
    language: str | None = None
    entries: int = 0
    summaries: int = 0
    undated: int = 0
    newest: datetime | None = None
    moved_to: str | None = None
    advice: tuple[str, ...] = ()
    announced: tuple[str, ...] = ()


def check_feeds(settings: CollectorSettings, feeds: Sequence[Feed]) -> list[FeedCheck]:
    """Fetch and read each feed once, as the collectors would, in the order given."""

    async def check_all() -> list[FeedCheck]:
        async with Fetcher(settings, HostGate(settings.host_spacing)) as fetcher:
            return await asyncio.gather(*(_check(settings, fetcher, feed) for feed in feeds))

    return asyncio.run(check_all())


async def _check(settings: CollectorSettings, fetcher: Fetcher, feed: Feed) -> FeedCheck:
    answer = await fetcher.fetch(feed.url, max_bytes=settings.max_feed_bytes)
    if isinstance(answer, FetchFailure):
        return FeedCheck(feed.id, feed.url, answer.state, answer.message)
    assert isinstance(answer, Fetched)  # nothing else without validators
    return await asyncio.to_thread(read_check, feed, answer, datetime.now(UTC))


def read_check(feed: Feed, answer: Fetched, now: datetime) -> FeedCheck:
    """What a fetched document comes to; `advice` is what its catalogue entry should say."""
    try:
        parsed = parse_feed(
            answer.body,
            content_type=answer.content_type,
            url=answer.url,
            now=now,
            encoding=feed.encoding,
        )
    except ParseFailure as failure:
        return FeedCheck(
            feed=feed.id,
            url=feed.url,
            state=failure.state,
            message=failure.message,
            moved_to=answer.moved_to,
            announced=announced_feeds(answer.body, answer.url)
            if failure.state is PollState.NOT_A_FEED
            else (),
        )
    instants = [entry.date.instant for entry in parsed.entries if entry.date.instant]
    identified = identify(parsed.entries, feed, answer.url)
    advice = []
    if answer.moved_to:
        advice.append(f'url = "{answer.moved_to}"')
    repeated = [count for count in Counter(one.url for one in identified).values() if count > 1]
    if repeated and feed.identity == "url":
        advice.append('identity = "guid" (several entries share a link)')
    state = PollState.TRUNCATED if parsed.cut_off else PollState.WORKING
    return FeedCheck(
        feed=feed.id,
        url=feed.url,
        state=state if parsed.entries else PollState.EMPTY,
        message=f"mended: {parsed.oddity}" if parsed.oddity else "",
        format=parsed.version,
        title=parsed.title,
        language=parsed.language,
        entries=len(parsed.entries),
        summaries=sum(wants_page(entry, feed) for entry in parsed.entries),
        undated=sum(entry.date.instant is None for entry in parsed.entries),
        newest=max(instants, default=None),
        moved_to=answer.moved_to,
        advice=tuple(advice),
    )
