"""What an alert says: the article, the sentence that shows it, and how things stood before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from detente.store.base import Document

MOST_EVIDENCE = 2
LONGEST = 400
"""Characters of a sentence that are shown."""


class Shown(msgspec.Struct, frozen=True):
    """A sentence that shows something, and what: `RUS>USA: adversarial`, or nothing."""

    text: str
    says: str = ""
    speaker: str | None = None


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One event for one subscription. `stance` are the article's dyads, `before` what they were in
    the mean of the week before; `note` says why, where it isn't the article by itself."""

    id: str
    subscription: str
    story: str
    article: str
    title: str
    outlet: str
    url: str
    published: str | None
    evidence: tuple[Shown, ...]
    stance: Mapping[str, float]
    before: Mapping[str, float]
    note: str = ""


def later_news(story: str, article: str) -> str:
    """What the ledger knows later news of a story by, that an article brings."""
    return f"{story}+{article}"


def event_of(story: str) -> str:
    """The story of what the ledger has, be it the story itself or later news of it."""
    return story.partition("+")[0]


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What goes to one destination at a time: one alert, or several. `repeat` says that it may have
    been delivered before."""

    id: str
    subscription: str
    name: str
    repeat: bool
    alerts: tuple[Alert, ...]
    sources: Mapping[str, int]

    @property
    def subject(self) -> str:
        again = "(repeated) " if self.repeat else ""
        if len(self.alerts) == 1:
            return f"{again}{_line(self.alerts[0].note or self.alerts[0].title)}"
        return f"{again}{len(self.alerts)} stories on {_line(self.name)}"

    def text(self) -> str:
        """Plain text for people."""
        parts = [_said(one, self.sources.get(one.story, 1)) for one in self.alerts]
        return "\n\n".join(parts) + f"\n\n-- \nYour subscription: {_line(self.name)}"


def alert(
    document: Document,
    *,
    subscription: str,
    story: str,
    before: Mapping[str, float],
    note: str = "",
) -> Alert:
    """What to tell a subscription of an article."""
    return Alert(
        id=f"{subscription}.{story}",
        subscription=subscription,
        story=story,
        article=document["id"],
        title=document["title"],
        outlet=document["outlet"],
        url=document["url"],
        published=document.get("published"),
        evidence=tuple(_evidence(document)),
        stance={f"{one['holder']}>{one['target']}": one["score"] for one in _dyads(document)},
        before=before,
        note=note,
    )


def _dyads(document: Document) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = document.get("dyads") or ()
    return found


def _evidence(document: Document) -> list[Shown]:
    """The sentences of which the model is surest, one for each that it says of a side; else those
    that made the article relevant, else its beginning."""
    stances = sorted(document.get("stances") or (), key=lambda one: -one["confidence"])
    shown: dict[str, Shown] = {}
    for one in stances:
        says = f"{one['holder']}>{one['target']}: {one['label']}"
        if all(one["text"] != other.text for other in shown.values()):
            shown.setdefault(says, Shown(_cut(one["text"]), says, one.get("speaker")))
    found = list(shown.values())
    found += [Shown(_cut(one["text"])) for one in document.get("grounds") or ()]
    found += [Shown(_cut(document["body"].partition("\n")[0]))] if document["body"] else []
    return found[: MOST_EVIDENCE if shown else 1]


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rsplit(" ", 1)[0] + "…"


def _said(one: Alert, sources: int) -> str:
    more = f" (+{sources - 1} sources)" if sources > 2 else " (+1 source)" if sources == 2 else ""
    lines = [*([one.note] if one.note else []), _line(one.title), f"{_line(one.outlet)}{more}"]
    for shown in one.evidence:
        who = f" — {_line(shown.speaker)}" if shown.speaker else ""
        lines.append(f"  “{_line(shown.text)}”{who}")
        if shown.says:
            lines.append(f"  {shown.says}")
    for toward, score in one.stance.items():
        then = one.before.get(toward)
        was = f", {then:+.2f} in the week before" if then is not None else ""
        lines.append(f"{toward}: {score:+.2f}{was}")
    lines.append(one.url)
    return "\n".join(lines)


def _line(text: str) -> str:
    """A stranger's text as one line, so that it can't look like ours."""
    return " ".join(text.split())
