"""How a feed's row moves on after a poll. Pure: the clock and the dice are arguments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from collectors.catalog import Feed
from collectors.entry import ParsedFeed
from collectors.fetch import Fetched, FetchFailure, NotModified, Validators
from collectors.plaintext import clean
from collectors.plan import FeedRow, PollNote
from collectors.rhythm import Rhythm, a_day, first_rhythm, seen
from collectors.schedule import next_poll
from collectors.status import HEALTHY, PollState
from detente.settings import CollectorSettings

_BODY_WAS_NO_FEED = frozenset({PollState.EMPTY, PollState.NOT_A_FEED, PollState.PARSE_ERROR})

_MOVE_WAS_WRONG = _BODY_WAS_NO_FEED | {
    PollState.NOT_FOUND,
    PollState.GONE,
    PollState.FORBIDDEN,
    PollState.REDIRECT,
    PollState.ADDRESS,
    PollState.DNS,
    PollState.TLS,
    PollState.CONNECTION_REFUSED,
}
"""Failures of an address reached by permanent redirects that send us back to the catalogue's."""


HISTORY = 50
"""So many polls of a feed are remembered."""

MISSED = 10.0
SILENT = 86_400.0
"""A feed is stale when so many entries didn't come that were to be expected (by chance alone that
happens once in twenty thousand times, were each independent of the others), and for so long."""

MAX_MESSAGE = 500
"""Characters; a message may quote a stranger's address, whatever is in it."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When a poll ended, and a random number in 0…1 to spread the next ones."""

    now: datetime
    jitter: float


def after_failure(
    row: FeedRow,
    feed: Feed,
    settings: CollectorSettings,
    failure: FetchFailure,
    moment: Moment,
) -> FeedRow:
    """The row after a poll that gave no feed. A host's wish to wait isn't counted as a failure."""
    throttled = failure.state is PollState.THROTTLED
    failures = row.failures if throttled else row.failures + 1
    message = failure.message
    scheduled_as = failure.state
    moved_to = row.moved_to
    if moved_to and failure.state in _MOVE_WAS_WRONG:
        moved_to = None
        message += f"; {row.address} is asked again"
        scheduled_as = PollState.NOT_FOUND
    due = next_poll(
        feed,
        settings,
        now=moment.now,
        state=scheduled_as,
        failures=failures,
        retry_after=failure.retry_after,
        jitter=moment.jitter,
    )
    # The next 304 would hide that the body was no good, so its validators are forgotten.
    forget = failure.state in _BODY_WAS_NO_FEED
    moved = _moved(row, failure.state, message, moment.now, due)
    return msgspec.structs.replace(
        moved,
        failures=failures,
        moved_to=moved_to,
        validators_url=None if forget else row.validators_url,
        etag=None if forget else row.etag,
        modified=None if forget else row.modified,
        body_hash=None if forget else row.body_hash,
    )


def after_unchanged(
    row: FeedRow,
    feed: Feed,
    settings: CollectorSettings,
    answer: Fetched | NotModified,
    moment: Moment,
) -> FeedRow:
    """The row after a 304, or a body that is the last one again."""
    moved_to = _moved_to(row, answer)
    rhythm = seen(row.rhythm, 0, moment.now.timestamp()) if row.rhythm else None
    state = PollState.MOVED if moved_to else PollState.UNCHANGED
    state, message = _stale(row, rhythm) or (state, _where(moved_to))
    due = next_poll(
        feed,
        settings,
        now=moment.now,
        state=state,
        failures=0,
        rhythm=rhythm,
        hints=(answer.fresh_for,),
        jitter=moment.jitter,
    )
    moved = _moved(row, state, message, moment.now, due)
    given = answer.validators
    kept = given if given.etag or given.modified else validators_of(row)
    return _with_validators(
        msgspec.structs.replace(moved, failures=0, moved_to=moved_to, rhythm=rhythm),
        kept,
        row.body_hash,
    )


def after_reading(
    row: FeedRow,
    feed: Feed,
    settings: CollectorSettings,
    answer: Fetched,
    parsed: ParsedFeed,
    body_hash: bytes,
    new: int,
    moment: Moment,
) -> FeedRow:
    """The row after a document that was read, with `new` articles in it."""
    moved_to = _moved_to(row, answer)
    rhythm = _rhythm(row, parsed, new, moment.now.timestamp())
    state, message = _judged(parsed, moved_to)
    if state in HEALTHY and not new:
        state, message = _stale(row, rhythm) or (state, message)
    due = next_poll(
        feed,
        settings,
        now=moment.now,
        state=state,
        failures=0,
        rhythm=rhythm,
        hints=(answer.fresh_for, parsed.hint),
        size=len(answer.body),
        jitter=moment.jitter,
    )
    moved = msgspec.structs.replace(
        _moved(row, state, message, moment.now, due, new),
        failures=0,
        moved_to=moved_to,
        last_new=moment.now.timestamp() if new else row.last_new,
        rhythm=rhythm,
        hub=_hub(answer, parsed),
    )
    if parsed.cut_off or not parsed.entries:
        # What is wrong shall be seen at each poll, and not pass for "unchanged" after a 304.
        return _with_validators(moved, None, None)
    return _with_validators(moved, answer.validators, body_hash)


def validators_of(row: FeedRow) -> Validators | None:
    """The validators to show, and the URL that they are for."""
    if row.validators_url is None or not (row.etag or row.modified):
        return None
    return Validators(row.validators_url, row.etag, row.modified)


def _hub(answer: Fetched, parsed: ParsedFeed) -> tuple[str, str] | None:
    """Where to subscribe; the header's word counts before the document's."""
    url = answer.links.get("hub") or parsed.hub
    return (url, answer.links.get("self") or parsed.itself or answer.url) if url else None


def _rhythm(row: FeedRow, parsed: ParsedFeed, new: int, now: float) -> Rhythm:
    """At first all entries are new to us: when they were published tells more than that."""
    if row.rhythm:
        return seen(row.rhythm, new, now)
    instants = [entry.date.instant for entry in parsed.entries if entry.date.instant]
    return first_rhythm([instant.timestamp() for instant in instants], now)


def _stale(row: FeedRow, rhythm: Rhythm | None) -> tuple[PollState, str] | None:
    """Whether a feed that answers well publishes nothing although it should, and what to say."""
    if rhythm is None or row.last_new is None:
        return None
    silent = rhythm.at - row.last_new
    daily = a_day(rhythm, silent)
    if silent < SILENT or daily * silent / 86_400 < MISSED:
        return None
    days = f"{silent / 86_400:.0f} day{'s' * (silent >= 1.5 * 86_400)}"
    usual = f"{daily:.0f} a day" if daily >= 1 else f"{daily * 7:.0f} a week"
    return PollState.STALE, f"nothing new for {days}, though about {usual} are usual"


def _judged(parsed: ParsedFeed, moved_to: str | None) -> tuple[PollState, str]:
    if parsed.cut_off:
        count = len(parsed.entries)
        return PollState.TRUNCATED, f"the document ends in the middle; {count} whole entries taken"
    if not parsed.entries:
        return PollState.EMPTY, f"a valid feed ({parsed.version}) without entries"
    if moved_to:
        return PollState.MOVED, _where(moved_to)
    return PollState.WORKING, f"mended: {parsed.oddity}" if parsed.oddity else ""


def _moved_to(row: FeedRow, answer: Fetched | NotModified) -> str | None:
    moved_to = answer.moved_to or row.moved_to
    return None if moved_to == row.address else moved_to  # it may come back


def _where(moved_to: str | None) -> str:
    return f"answers at {moved_to}; change the catalogue" if moved_to else ""


def _moved(
    row: FeedRow, state: PollState, message: str, now: datetime, due: datetime, new: int = 0
) -> FeedRow:
    same = state == row.state or {state, row.state} <= HEALTHY
    return msgspec.structs.replace(
        row,
        state=state,
        message=clean(message)[:MAX_MESSAGE],
        since=row.since if same else now.timestamp(),
        polled=now.timestamp(),
        next_poll=due.timestamp(),
        history=(*row.history[1 - HISTORY :], PollNote(now.timestamp(), state, new)),
    )


def _with_validators(
    row: FeedRow, validators: Validators | None, body_hash: bytes | None
) -> FeedRow:
    return msgspec.structs.replace(
        row,
        validators_url=validators.url if validators else None,
        etag=validators.etag if validators else None,
        modified=validators.modified if validators else None,
        body_hash=body_hash,
    )
