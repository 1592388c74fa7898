"""The message contract: what travels between the stages, as frozen values.

`CollectedArticle` (collectors) → `AssessedArticle` (processors) → `ArticleDocument` (indexer, in
`detente.document`). Every instant is an aware datetime in UTC. Offsets count characters
(Python string indices, end exclusive) of `CollectedArticle.body`, or of its title where
`Evidence.part` says so.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

SCHEMA = 1
"""The number of this contract; `wire` refuses a message that carries another."""

DateQuality = Literal["claimed", "missing", "unparsable", "future", "implausible"]
"""What the publisher's date is worth; only `claimed` comes with an instant. Never "now"."""

TextOrigin = Literal["feed", "page", "summary", "title"]
"""Where the body came from: the feed's full text, the fetched page, or no more than a summary."""

RelevanceLabel = Literal["core", "peripheral", "none"]

StanceLabel = Literal["cooperative", "neutral", "adversarial"]

Grade = Literal["2", "1", "0", "-1", "-2"]
"""The labelling guide's grades: material and verbal cooperation, neutral, verbal and material
conflict. A direction that isn't in a sentence (the guide's `n`) has no stance at all."""

Quad = Literal["verbal cooperation", "material cooperation", "verbal conflict", "material conflict"]
"""PLOVER's four classes of acts."""

EventType = Literal[
    "AGREE",
    "CONSULT",
    "SUPPORT",
    "COOPERATE",
    "AID",
    "CONCEDE",
    "RETREAT",
    "REQUEST",
    "ACCUSE",
    "REJECT",
    "THREATEN",
    "PROTEST",
    "SANCTION",
    "MOBILIZE",
    "COERCE",
    "ASSAULT",
]
"""PLOVER's types of acts."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """The publisher and the feed that an article came by."""

    feed: str
    outlet: str
    host: str
    country: str | None = None
    kind: str | None = None


Change = Literal["headline", "body", "rewrite", "typo", "date", "text"]
"""What made a revision: another headline, another text or both; a spelling; the claimed date; or
that we have the text from elsewhere than before (its page, say), which is no edit of anybody's."""


Wall = Literal["paywall", "consent"]
"""What stood before the article on its page: so its text may be no more than the beginning, or the
feed's summary."""

Medium = Literal["audio", "video"]
"""What an entry brings beside its text, where that is what it is for: an episode, a recording."""


class CollectedArticle(msgspec.Struct, frozen=True, kw_only=True):
    """One revision of one article, as collected.

    `id` is a hash of `identity` (see `collectors.identity`) and stays for good; `revision` counts
    the changes of its content from 1; `aliases` are the other keys that it is known by.
    `change` is what made this revision, None for the first. `published` is the publisher's claim,
    `first_seen` is ours (revision 1) and `collected` is when this revision was taken.
    """

    id: str
    revision: int
    identity: str
    aliases: tuple[str, ...] = ()
    url: str
    title: str
    body: str
    language: str | None = None
    authors: tuple[str, ...] = ()
    published: datetime | None = None
    published_claim: str | None = None
    published_quality: DateQuality = "missing"
    first_seen: datetime
    collected: datetime
    text_origin: TextOrigin
    source: Source
    change: Change | None = None
    wall: Wall | None = None
    medium: Medium | None = None

    def __post_init__(self) -> None:
        if self.revision < 1:
            raise ValueError("revision counts from 1")


class ModelIdentity(msgspec.Struct, frozen=True):
    """Which model judged: its name, and the first 12 hex digits of the hash of its files."""

    name: str
    revision: str


Part = Literal["title", "body"]


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """The sentence that shows something: `text == part[start:end]`, exactly.

    `speaker` says whose words most of it are: the watch's actor by name where the text's words
    mean one, else those words.
    """

    part: Part
    start: int
    end: int
    text: str
    quoted: bool = False
    speaker: str | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """The main act between the sides that a sentence reports, in PLOVER's terms.

    `goldstein` is the type's intensity in -10…10 (see `processors.events`).
    """

    type: EventType
    quad: Quad
    goldstein: float
    confidence: float


class Stance(msgspec.Struct, frozen=True, kw_only=True):
    """Within one sentence, a holder's position toward a target, with a score in -1…1.

    `event` is the sentence's main act, whichever side's it is.
    """

    holder: str
    target: str
    label: StanceLabel
    grade: Grade
    score: float
    confidence: float
    evidence: Evidence
    event: Event | None = None


class Dyad(msgspec.Struct, frozen=True, kw_only=True):
    """A holder → target over the whole article: the confidence-weighted mean of its stances.

    It lies between `low` and `high` with a probability of 95 % (see `processors.stance`).
    """

    holder: str
    target: str
    label: StanceLabel
    score: float
    low: float = -1.0
    high: float = 1.0
    sentences: int


class IssueFound(msgspec.Struct, frozen=True, kw_only=True):
    """An issue of the watch's that the article is about: the probability that its clearest sentence
    is, that sentence, and how many are."""

    id: str
    score: float
    sentences: int
    evidence: Evidence


class Quotation(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody is reported to have said: `text == body[start:end]`, without marks.

    `speaker` is the watch's actor by name where the text's words mean one, else those words;
    `actor` is that one's id; `cue` are the words that say that it was said.
    """

    start: int
    end: int
    text: str
    kind: Literal["direct", "indirect"]
    speaker: str | None = None
    actor: str | None = None
    cue: str | None = None


class Relevance(msgspec.Struct, frozen=True):
    """Is it about the watched dyad's diplomacy? `score` in 0…1: 1 is surely core, 0 surely none."""

    label: RelevanceLabel
    score: float


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence that makes the article relevant: its own relevance score, alone."""

    score: float
    evidence: Evidence


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """The judgement of one revision. `abstained` holds the reason where there is no judgement:
    then `relevance` is None and no stance is given, never a neutral one. `grounds` are the
    sentences that decided the relevance, the clearest first."""

    watch: str
    relevance: Relevance | None = None
    grounds: tuple[Ground, ...] = ()
    abstained: str | None = None
    language: str | None = None
    actors: tuple[str, ...] = ()
    stances: tuple[Stance, ...] = ()
    dyads: tuple[Dyad, ...] = ()
    issues: tuple[IssueFound, ...] = ()
    quotations: tuple[Quotation, ...] = ()
    model: ModelIdentity
    assessed: datetime


class AssessedArticle(msgspec.Struct, frozen=True, kw_only=True):
    """An article with its assessment."""

    article: CollectedArticle
    assessment: Assessment
