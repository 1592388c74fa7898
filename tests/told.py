"""Random alerts in a ledger of our own, and what is to be counted of them, by plain lists."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from statistics import fmean
from typing import Any

from detente.alerts.message import Alert, Shown
from detente.alerts.state import AlertState
from detente.store.base import Bucket, Measure, Page, Query
from detente.store.fields import date_text
from tests.queries import DYADS, START

_FINAL = ("sent", "sent", "sent", "waiting", "dead", "muted", "sending")


def alert(subscription: str = "visas", story: str = "s1", **changes: Any) -> Alert:
    """An alert on an article."""
    fields = {
        "id": f"{subscription}.{story}",
        "subscription": subscription,
        "story": story,
        "article": f"a{story}",
        "title": "Envoys meet",
        "outlet": "The Sample",
        "url": f"https://sample.example/{story}",
        "published": date_text(START),
        "evidence": (Shown("Moscow thanked Washington.", "RUS>USA: cooperative"),),
        "stance": {"RUS>USA": 0.5},
        "before": {"RUS>USA": -0.25},
    }
    return Alert(**{**fields, **changes})


class Told:
    """Alerts over fifty days in the file at `url`, counted as an article store would."""

    def __init__(self, dice: random.Random, url: str, number: int = 120) -> None:
        self.url = url
        self.documents: list[dict[str, Any]] = []
        state = AlertState(url)
        for n in range(number):
            self._tell(state, dice, n)
        state.close()

    def _tell(self, state: AlertState, dice: random.Random, number: int) -> None:
        subscription = f"subscription-{min(dice.randint(0, 13), dice.randint(0, 13))}"
        # Several are told of a story.
        story = f"s{number // 3}"
        if state.was_told(subscription, story):
            return
        outlet = f"Outlet {dice.randint(1, 5)}"
        stance = {toward: round(dice.uniform(-1, 1), 2) for toward in DYADS if dice.random() < 0.6}
        shown = dice.sample(("USA>RUS: adversarial", "RUS>USA: cooperative"), dice.randint(0, 2))
        made = alert(
            subscription,
            story,
            outlet=outlet,
            stance=stance,
            evidence=(Shown("No more was said."), *(Shown("It was said.", one) for one in shown)),
        )
        at = START + timedelta(hours=10 * number, minutes=dice.randint(0, 500))
        states = {to: dice.choice(_FINAL) for to in dice.sample(("desk", "room", "feed"), 2)}
        assert state.tell(made, states, now=at.timestamp(), due=at.timestamp())
        delays = []
        for entry in state.outbox(most=len(states)):
            delay = dice.randint(1, 90_000)
            final = states[entry.destination]
            sent = at.timestamp() + delay if final == "sent" else None
            state.mark([entry.number], final, sent=sent, tried=True)  # type: ignore[arg-type]
            delays += [float(delay)] if sent else []
        seen = {to: "waiting" if one == "sending" else one for to, one in states.items()}
        document = {
            "same": "same",
            "at": date_text(at),
            "subscription": subscription,
            "story": story,
            "outlet": outlet,
            "shown": [one.replace(" ", "") for one in shown],
            "states": sorted(set(seen.values())),
            "deliveries": [f"{to}:{one}" for to, one in seen.items()],
            "delay": max(delays, default=None),
            "first_toward_second": stance.get("USA>RUS"),
            "second_toward_first": stance.get("RUS>USA"),
        }
        self.documents.append({name: one for name, one in document.items() if one is not None})

    def count(self, query: Query, by: str | None = None) -> Sequence[Bucket]:
        """See `ArticleStore.count`."""
        found = self._matching(query)
        if by is None:
            return [Bucket("*", len(found))]
        numbers = Counter(value for one in found for value in set(_values(one, by)))
        return [Bucket(key, number) for key, number in numbers.items()]

    def measure(self, query: Query, field: str, by: str) -> Sequence[Measure]:
        """See `ArticleStore.measure`; without the deviation."""
        groups: dict[str, list[float]] = {}
        for one in self._matching(query):
            for value in _values(one, by) if field in one else ():
                groups.setdefault(value, []).append(one[field])
        return [Measure(key, len(of), fmean(of), 0.0) for key, of in groups.items()]

    def search(self, query: Query) -> Page:
        """See `ArticleStore.search`; in no order."""
        found = self._matching(query)
        return Page(found, len(found))

    def _matching(self, query: Query) -> list[dict[str, Any]]:
        return [
            one
            for one in self.documents
            if all(set(_values(one, name)) & set(wanted) for name, wanted in query.terms.items())
            and all(
                limits.start <= datetime.fromisoformat(one[name]) < limits.end  # type: ignore[operator]
                for name, limits in query.ranges.items()
            )
        ]


def _values(document: dict[str, Any], name: str) -> Iterator[str]:
    value = document.get(name)
    if isinstance(value, list):
        yield from value
    elif value is not None:
        yield value[:10] if name == "at" else value
