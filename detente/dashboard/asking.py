"""What a search page's address asks for, and addresses that ask for a little more or less."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

from detente.errors import ConfigError
from detente.store.base import Query, Range

FACETS: Mapping[str, str] = {
    "relevance": "relevance",
    "stance": "dyad_labels",
    "issue": "issues",
    "actor": "actors",
    "source": "source",
    "country": "country",
    "kind": "kind",
    "language": "language",
}
"""What can be chosen beside the words, and the field that each is about."""

ORDERS = {"seen": "first_seen", "published": "published"}
PAGE = 20
MOST = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """A search: words, what was chosen of each facet, the days from `start` to `end` (both
    included; by first sight, or by publication where that is the order)."""

    text: str = ""
    chosen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    start: date | None = None
    end: date | None = None
    order: str = "seen"
    size: int = PAGE
    after: str | None = None

    @classmethod
    def of(cls, given: Iterable[tuple[str, str]]) -> Asked:
        """From an address's parameters; unknown ones are passed over. Raises ConfigError."""
        several: dict[str, list[str]] = {}
        for name, value in given:
            if value:
                several.setdefault(name, []).append(value)
        last = {name: values[-1] for name, values in several.items()}
        order = last.get("order", "seen")
        if order not in ORDERS:
            raise ConfigError(f"search: order={order!r}: must be one of {', '.join(ORDERS)}")
        try:
            size = int(last.get("size", PAGE))
        except ValueError:
            raise ConfigError(f"search: size={last['size']!r}: must be a number") from None
        return cls(
            text=last.get("q", ""),
            chosen={name: tuple(several[name]) for name in FACETS if name in several},
            start=_day(last, "from"),
            end=_day(last, "to"),
            order=order,
            size=max(1, min(size, MOST)),
            after=last.get("after"),
        )

    def query(self, *, without: str | None = None) -> Query:
        """As the store is asked; `without` leaves out one facet, to count what else there is."""
        terms = {FACETS[name]: values for name, values in self.chosen.items() if name != without}
        within = Range(
            datetime.combine(self.start, datetime.min.time(), UTC) if self.start else None,
            datetime.combine(self.end + timedelta(days=1), datetime.min.time(), UTC)
            if self.end
            else None,
        )
        bounded = within.start is not None or within.end is not None
        order = ORDERS[self.order]
        return Query(
            text=self.text,
            terms=terms,
            ranges={order: within} if bounded else {},
            order=order,
            size=self.size,
            after=self.after,
        )

    def address(self, path: str = "/search") -> str:
        """The address that asks for this."""
        given: list[tuple[str, str]] = [("q", self.text)] if self.text else []
        given += [(name, value) for name, values in self.chosen.items() for value in values]
        given += [("from", str(self.start))] if self.start else []
        given += [("to", str(self.end))] if self.end else []
        given += [("order", self.order)] if self.order != "seen" else []
        given += [("size", str(self.size))] if self.size != PAGE else []
        given += [("after", self.after)] if self.after else []
        return f"{path}?{urlencode(given)}" if given else path

    def toggled(self, facet: str, value: str) -> Asked:
        """The same with a value chosen, or no more."""
        before = self.chosen.get(facet, ())
        now = tuple(v for v in before if v != value) if value in before else (*before, value)
        chosen: dict[str, Sequence[str]] = {**self.chosen, facet: now}
        kept = {name: tuple(values) for name, values in chosen.items() if values}
        return replace(self, chosen=kept, after=None)

    def page(self, after: str | None) -> Asked:
        return replace(self, after=after)


def _day(given: Mapping[str, str], name: str) -> date | None:
    text = given.get(name)
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"search: {name}={text!r}: write a day as 2026-11-24") from None
