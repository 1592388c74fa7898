"""The alerts: each assessed article into its story, past the subscriptions, into the outbox."""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from detente.alerts.kept import Kept, Known
from detente.alerts.likeness import traits_of
from detente.alerts.match import Article, Matcher
from detente.alerts.meaning import (
    BEFORE,
    BURST_WINDOW,
    HOUR,
    RECENT,
    has_shifted,
    is_burst,
    is_first,
    is_silent,
    rank_sum,
)
from detente.alerts.message import Alert, alert, later_news
from detente.alerts.novelty import ADDS, New, facts, novelty
from detente.alerts.state import AlertState
from detente.alerts.stories import KEPT, Stories
from detente.alerts.subscription import Subscription
from detente.article import AssessedArticle
from detente.document import article_document
from detente.flow import route
from detente.runner import Outcome, Publish, Reject, Stage
from detente.store.fields import UnfitDocument, encoded

WEEK = 7 * 86_400.0
_FORGET_EVERY = 3_600.0


class Alerts:
    """What the stage does with a batch. `handle` is used from one thread.

    A subscription is told of what was first seen after it was made, and of each story once. An
    edit is matched again, since it may say what the first version didn't.
    """

    def __init__(
        self,
        state: AlertState,
        subscriptions: Sequence[Subscription],
        sides: tuple[str, str],
        *,
        on_told: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._state = state
        self._sides = sides
        self._on_told = on_told
        self._clock = clock
        self._stories = self._restored()
        self._forgotten = clock()
        self._lock = threading.Lock()
        self.use(subscriptions)

    def use(self, subscriptions: Sequence[Subscription]) -> None:
        """Match these from now on; from any thread."""
        matcher = Matcher()
        for one in subscriptions:
            matcher.add(one.id, one.expression())
        since = {one.id: self._state.since(one.id, self._clock()) for one in subscriptions}
        with self._lock:
            self._matcher = matcher
            self._since = since
            self._subscriptions = {one.id: one for one in subscriptions}

    def handle(self, batch: Sequence[AssessedArticle]) -> Sequence[Outcome]:
        """Write down all that the articles lead to."""
        documents = [self._document(assessed) for assessed in batch]
        fit = [document for document in documents if not isinstance(document, Reject)]
        told = False
        try:
            for document in fit:
                self._stories.observe(document["id"], traits_of(document))
            for document in fit:
                with self._lock, self._state.writing():
                    told |= self._take_in(document)
        except BaseException:
            self._stories = self._restored()
            raise
        if told:
            self._on_told()
        self._forget()
        return [one if isinstance(one, Reject) else Publish() for one in documents]

    def _document(self, assessed: AssessedArticle) -> dict[str, Any] | Reject:
        try:
            document: dict[str, Any] = json.loads(
                encoded(article_document(assessed, self._sides))[1]
            )
        except UnfitDocument as error:
            return Reject(str(error))
        return document

    def _restored(self) -> Stories:
        stories = Stories()
        for id, kept, story in self._state.recent():
            stories.restore(id, kept, story)
        return stories

    def _take_in(self, document: dict[str, Any]) -> bool:
        """Gives whether anybody is to be told."""
        id, revision = document["id"], document["revision"]
        known = self._state.article(id)
        if known and known.revision >= revision:
            return False  # delivered again
        story, adds = self._placed(document, known)
        told = False
        now = self._clock()
        first_seen = _epoch(document["first_seen"])
        for subscription in self._matcher.match(Article(document, story)):
            one = self._subscriptions[subscription]
            if first_seen < self._since[subscription]:
                continue
            why = self._why(one, document, story, adds, now)
            if why is None or self._state.was_told(one.id, why.story):
                continue
            made = alert(
                document,
                subscription=subscription,
                story=why.story,
                before=self._stance_before(first_seen),
                note=why.note,
            )
            due = one.due(datetime.fromtimestamp(now, UTC)).timestamp()
            told |= self._state.tell(made, one.to, now=now, due=due)
        return told

    def _stance_before(self, at: float) -> dict[str, float]:
        """The mean score of each dyad over the articles of the week before an epoch."""
        found: defaultdict[str, list[float]] = defaultdict(list)
        for its in self._state.facts_between(at - WEEK, at):
            for toward, score in its.dyads.items():
                found[toward].append(score)
        return {toward: sum(scores) / len(scores) for toward, scores in found.items()}

    def _why(
        self,
        one: Subscription,
        document: dict[str, Any],
        story: str,
        adds: tuple[New, ...],
        now: float,
    ) -> _Reason | None:
        """Why a subscription is to be told of an article that its query matches, if it is."""
        if one.kind == "query":
            if one.updates and adds and self._state.was_told(one.id, story):
                note = ", ".join(ADDS[new] for new in adds)
                return _Reason(later_news(story, document["id"]), f"New on this story: {note}")
            return _Reason(story, "")
        if one.kind == "silence":
            self._state.note_match(one.id, document["id"], now, None)
            return None
        last = self._state.last_match(one.id)
        score = _score(document, one.dyad)
        if one.kind == "shift" and score is None:
            return None
        is_new = self._state.note_match(one.id, story, now, score)
        if one.kind == "first":
            return _Reason(story, "") if is_new and is_first(now, last) else None
        day = datetime.fromtimestamp(now, UTC)
        found = self._state.matches(one.id, now - RECENT - BEFORE)
        if one.kind == "burst":
            stories = [at for at, _ in found]
            if not is_burst(now, stories):
                return None
            count = sum(at > now - BURST_WINDOW for at in stories)
            note = f"{one.title}: {count} stories in {BURST_WINDOW / HOUR:.0f} hours"
            return _Reason(f"burst:{day:%Y-%m-%d}", note)
        recent = [score for at, score in found if score is not None and at > now - RECENT]
        before = [score for at, score in found if score is not None and at <= now - RECENT]
        if not has_shifted(recent, before):
            return None
        now_, then = sum(recent) / len(recent), sum(before) / len(before)
        turned = "friendlier" if now_ > then else "more hostile"
        note = (
            f"{one.dyad} has turned {turned}: {now_:+.2f} over {len(recent)} stories of two days,"
            f" {then:+.2f} over {len(before)} before"
            f" (rank-sum test, p = {rank_sum(recent, before):.4f})"
        )
        # Once a week for each direction, or each further article would tell it again.
        return _Reason(f"shift:{turned.split()[-1]}:{day:%G-W%V}", note)

    def _placed(self, document: dict[str, Any], known: Known | None) -> _Place:
        """The article's story, written down, and what the article (or this edit of it) adds."""
        id, its, new = document["id"], traits_of(document), facts(document)
        if known is None:
            placed = self._stories.place(id, its)
            for younger in placed.joined:
                self._state.join(younger, placed.story)
            known = Known(0, placed.story, placed.copies, ())
        # When we saw it: a publisher's date may lie ahead, and is that of the first version.
        seen = _epoch(document["collected"])
        before = self._state.facts_of(known.story, but=id)
        adds = () if known.copies else novelty(seen, new, before)
        self._state.keep(
            Kept(
                *(id, document["revision"], known.story, its.at, document["outlet"]),
                *(its, new, known.copies, tuple(dict.fromkeys((*known.novelty, *adds)))),
            )
        )
        return _Place(known.story, adds)

    def look(self) -> None:
        """Tell of silence; to be called now and then, from any thread."""
        now = self._clock()
        with self._lock:
            subscriptions = list(self._subscriptions.values())
        for one in subscriptions:
            if one.kind != "silence":
                continue
            matches = [at for at, _ in self._state.matches(one.id, now - KEPT)]
            if not is_silent(now, matches):
                continue
            last = datetime.fromtimestamp(matches[-1], UTC)
            note = f"{one.title}: nothing since {last:%Y-%m-%d %H:%M} UTC"
            made = Alert(
                id=f"{one.id}.silence:{matches[-1]:.0f}",
                subscription=one.id,
                story=f"silence:{matches[-1]:.0f}",
                article="",
                title=f"{len(matches)} articles came in the two weeks before",
                outlet=one.query,
                url="",
                published=None,
                evidence=(),
                stance={},
                before={},
                note=note,
            )
            due = one.due(datetime.fromtimestamp(now, UTC)).timestamp()
            if self._state.tell(made, one.to, now=now, due=due):
                self._on_told()

    def _forget(self) -> None:
        now = self._clock()
        if now > self._forgotten + _FORGET_EVERY:
            self._stories.forget(now - KEPT)
            self._state.forget_traits(now - KEPT)
            self._forgotten = now


class _Place(NamedTuple):
    """An article's story, and what it adds to that."""

    story: str
    adds: tuple[New, ...]


class _Reason(NamedTuple):
    """What the ledger knows it by, and what is said above the article."""

    story: str
    note: str


def _score(document: dict[str, Any], dyad: str | None) -> float | None:
    for one in document["dyads"]:
        if f"{one['holder']}>{one['target']}" == dyad:
            return float(one["score"])
    return None


def alerts_stage(alerts: Alerts) -> Stage[AssessedArticle]:
    """The stage for the runner."""
    return Stage(route("alerts"), AssessedArticle, alerts.handle)


def _epoch(date: str) -> float:
    return datetime.fromisoformat(date).timestamp()
