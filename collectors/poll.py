"""One poll of one feed: fetch, read, decide, and make it durable.

Nothing that a feed, its host or its pages do gets out of here as an exception; what does is a
fault of ours, or that the bus or the state can't be used.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import ParamSpec, TypeVar

import structlog
from msgspec.structs import replace

from collectors.catalog import Feed
from collectors.decide import Decision, decide, pages_wanted
from collectors.delivery import deliver
from collectors.entry import ParsedFeed
from collectors.feedstate import FeedState
from collectors.fetch import Fetched, Fetcher, FetchFailure, NotModified
from collectors.fulltext import PageResult, PageText
from collectors.identity import Identified, identify, with_pages
from collectors.pages import Pages
from collectors.parse import ParseFailure, parse_feed
from collectors.parts import MOST, parts
from collectors.plan import FeedRow, Known, Plan, PlannedRecord, SightingRow
from collectors.progress import (
    Moment,
    after_failure,
    after_reading,
    after_unchanged,
    validators_of,
)
from collectors.reading import LARGE, MAX_MEMORY, READ_TIMEOUT, Reading
from collectors.room import Guest, Room
from collectors.sameness import digest
from collectors.status import PollEvent, PollState
from collectors.websub import Hub
from detente.bus.base import Bus
from detente.errors import RetryLater
from detente.settings import Settings
from detente.telemetry import Dispositions
from detente.wire import encode

DOCUMENTS = 2
"""Documents in hand for each request that may be open."""

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True)
class Poller:
    """Polls feeds within one event loop.

    Deciding and delivering happen for one feed at a time: an article that two feeds show is new in
    one of them only if the other's plan is in the state before. `attempts` bounds the tries to
    deliver, None tries for ever. `hubs` has those that the feeds announce.
    """

    settings: Settings
    bus: Bus
    state: FeedState
    fetcher: Fetcher
    attempts: int | None = None
    hubs: dict[str, Hub] = field(default_factory=dict)
    dispositions: Dispositions = field(default_factory=lambda: Dispositions("collectors"))
    _page_reader: Pages = field(init=False)
    _room: Room = field(init=False)
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)
    _held: dict[str, Plan] = field(default_factory=dict)
    _slow: set[str] = field(default_factory=set)
    _reading: Reading = field(default_factory=Reading)
    _writer: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, "collectors-write")
    )
    _delivering: set[asyncio.Future[dict[str, str]]] = field(default_factory=set)

    def __post_init__(self) -> None:
        collectors = self.settings.collectors
        self._page_reader = Pages(self.fetcher, self._reading, collectors.max_page_bytes)
        self._room = Room(DOCUMENTS * collectors.concurrency)

    async def recover(self) -> None:
        """Deliver what an earlier run held and couldn't settle. To be done before any poll."""
        async with self._one_at_a_time:
            for plan in await self._write(self.state.pending):
                self._held[plan.feed.feed] = plan
            await self._deliver_held()

    async def close(self, patience: float) -> None:
        """Wait so many seconds for deliveries under way, so that what the bus took is settled."""
        if self._delivering:
            await asyncio.wait(self._delivering, timeout=patience)
        self._reading.close()
        self._writer.shutdown(wait=False, cancel_futures=True)

    async def poll(self, feed: Feed) -> tuple[PollEvent, float]:
        """Poll a feed; gives what came of it, and the seconds until the next poll.

        Raises RetryLater once `attempts` are used up.
        """
        begun = time.monotonic()
        row = FeedRow(feed=feed.id, address=feed.url, state=PollState.NEVER, since=time.time())
        try:
            async with self._one_at_a_time:
                await self._deliver_held()
            row = await self._write(self.state.feed, feed.id, feed.url)
            with self._room.guest() as guest:
                row, counts = await self._poll(feed, row, guest)
        except RetryLater:
            raise
        except Exception as error:
            structlog.get_logger("detente.collectors").exception("poll failed", feed=feed.id)
            message = f"a fault in Détente: {type(error).__name__}: {error}"
            failure = FetchFailure(PollState.INTERNAL, message)
            row = after_failure(row, feed, self.settings.collectors, failure, _moment())
            counts = _Counts()
            if feed.id not in self._held:
                await self._write(self.state.settle, Plan(feed=row))
        if row.hub:
            self.hubs[feed.id] = Hub(*row.hub)
        event = PollEvent(
            feed=feed.id,
            state=row.state,
            message=row.message,
            at=datetime.now(UTC),
            duration=time.monotonic() - begun,
            new=counts.new,
            changed=counts.changed,
            seen=counts.seen,
            dropped=counts.dropped,
            dead=counts.dead,
        )
        # Seconds and no instant: the clock may have been put right since the row was written.
        return event, max(0.0, (row.next_poll or 0.0) - (row.polled or 0.0))

    async def _poll(self, feed: Feed, row: FeedRow, guest: Guest) -> tuple[FeedRow, _Counts]:
        settings = self.settings.collectors
        # A 304 would keep the pages that are still missing out of sight.
        in_full = await self._write(self.state.has_pages_to_retry, feed.id)
        answer = await self.fetcher.fetch(
            row.moved_to or feed.url,
            max_bytes=settings.max_feed_bytes,
            validators=None if in_full else validators_of(row),
            admit=guest.enter,
        )
        if isinstance(answer, FetchFailure):
            return await self._settle(after_failure(row, feed, settings, answer, _moment()))
        if isinstance(answer, NotModified):
            return await self._settle(after_unchanged(row, feed, settings, answer, _moment()))
        body_hash = digest(answer.body)
        if body_hash == row.body_hash and not in_full:
            return await self._settle(after_unchanged(row, feed, settings, answer, _moment()))
        parsed = await self._parse(feed, answer)
        if isinstance(parsed, FetchFailure):
            return await self._settle(after_failure(row, feed, settings, parsed, _moment()))
        identified = await self._reading.run(identify, parsed.entries, feed, answer.url)
        pages = await self._pages(feed, identified, guest)
        document = _Document(answer, parsed, body_hash, identified, pages)
        return await self._take_in(feed, row, document)

    async def _settle(self, row: FeedRow) -> tuple[FeedRow, _Counts]:
        await self._write(self.state.settle, Plan(feed=row, blocked=self._blocked()))
        return row, _Counts()

    async def _parse(self, feed: Feed, answer: Fetched) -> ParsedFeed | FetchFailure:
        apart = len(answer.body) >= LARGE or feed.id in self._slow
        read = self._reading.run_apart if apart else self._reading.run
        try:
            return await read(
                parse_feed,
                answer.body,
                content_type=answer.content_type,
                url=answer.url,
                now=datetime.now(UTC),
                encoding=feed.encoding,
            )
        except ParseFailure as failure:
            return FetchFailure(failure.state, failure.message)
        except TimeoutError:
            self._slow.add(feed.id)
            message = f"parsing takes longer than {READ_TIMEOUT:g} s"
            return FetchFailure(PollState.PARSE_ERROR, message)
        except MemoryError:
            message = f"parsing takes more than {MAX_MEMORY // 1_000_000:,} MB"
            return FetchFailure(PollState.PARSE_ERROR, message)

    async def _take_in(
        self, feed: Feed, row: FeedRow, document: _Document
    ) -> tuple[FeedRow, _Counts]:
        """Decide about the entries of a document, and deliver what that leads to: in parts, the
        last of which advances the feed. After a kill between two the document is read again, and
        what was delivered of it is known."""
        addresses = {
            key: one.url for key, one in document.pages.items() if isinstance(one, PageText)
        }
        identified = with_pages(document.identified, feed, addresses)
        known = Known()
        if len(identified) > MOST:
            known = await self._write(self.state.lookup, feed.id, identified)
        counts, waiting = _Counts(), list[SightingRow]()
        *earlier, last = await self._reading.run(parts, identified, known, MOST)
        for part in earlier:
            async with self._one_at_a_time:
                decision, _ = await self._decide(feed, part, document)
                plan = replace(_plan(row, decision, ()), examined=False)
                counts += self._noted(feed, decision, await self._make_durable(plan))
            waiting += [one for one in decision.sightings if one.page_tries]
        async with self._one_at_a_time:
            decision, moment = await self._decide(feed, last, document)
            row = after_reading(
                row,
                feed,
                self.settings.collectors,
                document.answer,
                document.parsed,
                document.body_hash,
                counts.new + decision.new,
                moment,
            )
            plan = _plan(row, decision, self._blocked())
            plan = replace(plan, sightings=(*waiting, *plan.sightings))
            counts += self._noted(feed, decision, await self._make_durable(plan))
        return row, counts

    async def _decide(
        self, feed: Feed, part: Sequence[Identified], document: _Document
    ) -> tuple[Decision, Moment]:
        await self._deliver_held()
        # Looked up here: another feed may have brought the same article in the meantime.
        known = await self._write(self.state.lookup, feed.id, part)
        moment = _moment()
        decision = await self._reading.run(
            decide,
            part,
            feed,
            known,
            pages=document.pages,
            language=document.parsed.language,
            now=moment.now,
        )
        return decision, moment

    async def _make_durable(self, plan: Plan) -> Mapping[str, str]:
        """Hold a plan, deliver and settle it; gives the reasons of what was refused, by article."""
        if not plan.records:
            await self._write(self.state.settle, plan)
            return {}
        await self._write(self.state.hold, plan)
        self._held[plan.feed.feed] = plan
        return await self._deliver(plan)

    def _noted(self, feed: Feed, decision: Decision, dead: Mapping[str, str]) -> _Counts:
        for reason in decision.dropped:
            self.dispositions.note("dropped", "", reason=reason, label="nothing in it")
        log = structlog.get_logger("detente.collectors")
        for id in decision.seen:
            log.debug("seen", article=id, feed=feed.id)
        return _Counts(
            new=decision.new,
            changed=decision.changed,
            seen=len(decision.seen),
            dropped=len(decision.dropped),
            dead=len(dead),
        )

    async def _pages(
        self, feed: Feed, identified: Sequence[Identified], guest: Guest
    ) -> dict[str, PageResult]:
        if not self.settings.collectors.fetch_pages or feed.full_text == "feed":
            return {}
        known = await self._write(self.state.lookup, feed.id, identified)
        wanted = await self._reading.run(pages_wanted, identified, feed, known)
        # Pages take minutes, for which the others shall not wait: what is in hand then is entries.
        return await self._page_reader.fetch(wanted, feed.id, begin=guest.leave)

    def _blocked(self) -> tuple[tuple[str, float], ...]:
        now = time.time()
        return tuple((host, end) for host, end in self.fetcher.gate.blocked.items() if end > now)

    async def _deliver_held(self) -> None:
        for plan in list(self._held.values()):
            await self._deliver(plan)

    async def _deliver(self, plan: Plan) -> dict[str, str]:
        """Deliver a held plan, as often as it takes. Raises RetryLater after `attempts`."""
        attempt = 0
        while True:
            attempt += 1
            # Shielded: a stop lets the delivery under way come to its end.
            delivery = asyncio.ensure_future(self._write(deliver, self.bus, self.state, plan))
            self._delivering.add(delivery)
            delivery.add_done_callback(self._delivering.discard)
            try:
                dead = await asyncio.shield(delivery)
            except RetryLater as trouble:
                if self.attempts is not None and attempt >= self.attempts:
                    raise
                wait = trouble.backoff(attempt, self.settings.runner.max_backoff)
                log = structlog.get_logger("detente.collectors")
                log.warning("not delivered", reason=trouble.reason, again_in=wait)
                await asyncio.sleep(wait)
                continue
            del self._held[plan.feed.feed]
            self._note(plan, dead)
            return dead

    def _note(self, plan: Plan, dead: dict[str, str]) -> None:
        for record in plan.records:
            if record.key in dead:
                self.dispositions.note("dead", record.key, reason=dead[record.key], label="size")
            else:
                label = "new" if record.revision == 1 else "changed"
                self.dispositions.note("published", record.key, label=label)

    async def _write(self, function: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """Call what touches the state or the bus, off the event loop, one after the other."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._writer, partial(function, *args, **named))


@dataclass(frozen=True, slots=True)
class _Document:
    """A feed document that was read, with its articles' keys and pages."""

    answer: Fetched
    parsed: ParsedFeed
    body_hash: bytes
    identified: Sequence[Identified]
    pages: Mapping[str, PageResult]


@dataclass(frozen=True, slots=True)
class _Counts:
    new: int = 0
    changed: int = 0
    seen: int = 0
    dropped: int = 0
    dead: int = 0

    def __add__(self, other: _Counts) -> _Counts:
        return _Counts(
            *(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True))
        )


def _plan(row: FeedRow, decision: Decision, blocked: tuple[tuple[str, float], ...]) -> Plan:
    return Plan(
        feed=row,
        examined=True,
        records=tuple(
            PlannedRecord(message.id, encode(message), message.revision)
            for message in decision.messages
        ),
        articles=decision.articles,
        aliases=decision.aliases,
        sightings=decision.sightings,
        blocked=blocked,
    )


def _moment() -> Moment:
    return Moment(datetime.now(UTC), random.random())
