"""What the watch and the model say of a text: language, gate, relevance, stance by sentence.

From cheap to dear: a text in another language is not judged; one that doesn't name both sides
can't be about their relations and never reaches the encoder; and only of a relevant text are the
sentences judged.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Literal, NamedTuple

from detente.article import Relevance
from detente.errors import ConfigError
from detente.watch import Watch
from processors.actors import ActorMatcher, Mention, names_dyad
from processors.boilerplate import is_boilerplate
from processors.costs import Costs
from processors.events import Event, event_of
from processors.issues import Issue, IssueFinder, issues_of
from processors.language import language_of, too_short
from processors.models.base import STANCE_HEADS, Classifier, Passage, Scores
from processors.offices import OfficeFinder
from processors.quotes import Kind as QuoteKind
from processors.quotes import find_quotes
from processors.relevance import is_unsure, relevance_of
from processors.retelling import Retelling, retelling_for
from processors.speakers import speakers_of
from processors.stance import (
    DyadStance,
    SentenceStance,
    article_stance,
    stance_of,
    stance_passage,
)
from processors.text import Sentence, quoted, sentences
from processors.weighing import DocumentPassages, document_passages, weighed

LANGUAGES: Final = ("en",)
"""What the shipped model was trained on. Text in any other language is not judged."""

DECIDING: Final = 3
"""So many sentences at most are named as those that decided."""

FROM: Final = 0.5
"""From this score on a sentence alone is about the dyad's diplomacy: as surely as not core."""

BELOW_GATE: Final = Relevance("none", 0.0)

Part = Literal["title", "body"]


class Text(NamedTuple):
    """What is judged. `language` is a claim; `host` is the outlet's, as "state.gov"; `day` is when
    it appeared, which tells who held an office."""

    title: str
    body: str
    language: str | None = None
    host: str = ""
    day: date | None = None


class Speech(NamedTuple):
    """What somebody is reported to have said: `text == body[start:end]`, exactly.

    `speaker` are the text's words for who and `cue` those that say that it was said; `actor` is the
    speaker's id where it is the watch's.
    """

    start: int
    end: int
    text: str
    kind: QuoteKind
    speaker: str | None
    actor: str | None
    cue: str | None


class JudgedSentence(NamedTuple):
    """One sentence: `text == part[start:end]`, exactly; `stance` by the classifier's directions;
    `relevance` is its own score, alone; `issues` with the probability of each; `speech` is what
    most of the sentence belongs to."""

    part: Part
    start: int
    end: int
    text: str
    quoted: bool
    stance: dict[str, SentenceStance]
    relevance: float
    event: Event | None
    issues: dict[str, float]
    speech: Speech | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """`abstained` holds the reason, of few values, where there is no judgement; then `relevance`
    is None. `actors` are ids of the watch's, in the order of their names."""

    language: str
    actors: tuple[str, ...] = ()
    relevance: Relevance | None = None
    abstained: str | None = None
    sentences: tuple[JudgedSentence, ...] = ()
    speeches: tuple[Speech, ...] = ()

    def deciding(self) -> list[JudgedSentence]:
        """The sentences that make the text relevant: those of the highest scores of their own,
        highest first, but none that alone wouldn't be (`DECIDING`, `FROM`)."""
        relevant = [one for one in self.sentences if one.relevance >= FROM]
        return sorted(relevant, key=lambda one: -one.relevance)[:DECIDING]

    def issues(self) -> list[Issue]:
        """What the text is about; each issue with the place of its clearest sentence."""
        return issues_of([sentence.issues for sentence in self.sentences])

    def dyads(self) -> dict[str, DyadStance]:
        """Each direction in which some sentence takes a stance, over the whole text."""
        found = {
            head: article_stance(sentence.stance[head] for sentence in self.sentences)
            for head in STANCE_HEADS
        }
        return {head: stance for head, stance in found.items() if stance is not None}


class Judge:
    """Judges texts for one watch with one classifier. Used by one thread."""

    def __init__(self, watch: Watch, classifier: Classifier, costs: Costs | None = None) -> None:
        self._watch = watch
        self._costs = costs or Costs()
        self._classifier = classifier
        self._matcher = ActorMatcher(watch)
        self._offices = OfficeFinder(watch)
        self._issues = IssueFinder(watch)
        self._told = retelling_for(watch)
        self._roles = {actor.id: actor.role for actor in watch.actors}

    def warm_up(self) -> None:
        """Load the model and all else that takes long; the first text need not wait for it.

        Raises ConfigError where the model can't be loaded, or some issue never be found.
        """
        self._classifier.warm_up()
        if unknown := self._issues.unknown(self._classifier.heads):
            raise ConfigError(
                f"watch {self._watch.name}: nothing tells when a text is about "
                f"{', '.join(unknown)}; give each of these issues some terms"
            )
        self._matcher.mentions("")
        language_of("", None)

    def judge(self, texts: Sequence[Text]) -> list[Judgement]:
        """Judge each text, in order, asking the model only where its answer can matter."""
        readings, asked = [self._read(text) for text in texts], _Asked(self._classifier)
        judgements = self._with_relevance(texts, readings, asked)
        wanted = [
            _worth_judging(judgement, reading, text, self._told)
            for judgement, reading, text in zip(judgements, readings, texts, strict=True)
        ]
        return self._with_stances(texts, judgements, wanted, asked)

    def judge_every_sentence(self, texts: Sequence[Text], *, split: bool = True) -> list[Judgement]:
        """Judge each text as `judge` does, and each of its sentences, relevant or not.

        Without `split` a body counts as one sentence, and its title only as context. Texts that
        are not judged at all (another language, too short) have no sentences here either.
        """
        readings, asked = [self._read(text) for text in texts], _Asked(self._classifier)
        judgements = self._with_relevance(texts, readings, asked)
        wanted = [
            []
            if reading.refused
            else list(_candidates(text, self._told) if split else _whole(text, self._told))
            for reading, text in zip(readings, texts, strict=True)
        ]
        return self._with_stances(texts, judgements, wanted, asked)

    def _read(self, text: Text) -> _Reading:
        title, body = (self._mentions(part, text.day) for part in (text.title, text.body))
        mentions = [*title, *body]
        whole = f"{text.title}\n{text.body}"
        language = language_of(whole, text.language)
        refused = None
        if language not in LANGUAGES:
            refused = f"language {language}"
        elif too_short(whole):
            refused = "too short"
        elif is_boilerplate(text.body):
            refused = "boilerplate"
        return _Reading(
            Judgement(
                language,
                actors=tuple(sorted({it.actor for it in mentions if it.actor})),
                relevance=None if refused else BELOW_GATE,
                abstained=refused,
            ),
            passes=not refused and names_dyad(mentions, self._watch, text.host),
            named_in_body=[mention.start for mention in body],
        )

    def _mentions(self, part: str, day: date | None) -> Sequence[Mention]:
        return self._offices.with_offices(part, self._matcher.mentions(part), day)

    def _with_relevance(
        self, texts: Sequence[Text], readings: Sequence[_Reading], asked: _Asked
    ) -> list[Judgement]:
        judgements = [reading.judgement for reading in readings]
        weights = self._classifier.weights
        places = [place for place, reading in enumerate(readings) if reading.passes]
        documents = [self._document_passages(texts[place]) for place in places]
        if weights is None:
            documents = [one._replace(telling=()) for one in documents]
        asked.ask([passage for one in documents for passage in one.all])
        for place, document in zip(places, documents, strict=True):
            scores = weighed(document, [asked.scores[one] for one in document.all], weights)
            judgements[place] = (
                replace(judgements[place], relevance=None, abstained="low confidence")
                if is_unsure(scores, self._costs.least_relevance)
                else replace(judgements[place], relevance=Relevance(*relevance_of(scores)))
            )
        return judgements

    def _document_passages(self, text: Text) -> DocumentPassages:
        told = self._told
        return document_passages(
            told.text(text.title), told.text(text.body), voice=told.host(text.host)
        )

    def _with_stances(
        self,
        texts: Sequence[Text],
        judgements: Sequence[Judgement],
        wanted: Sequence[Sequence[_Candidate]],
        asked: _Asked,
    ) -> list[Judgement]:
        """All sentences of all texts go to the classifier at once, which batches like lengths."""
        asked.ask([one.passage for candidates in wanted for one in candidates])
        return [
            self._with_sentences(
                text, judgement, [(one, asked.scores[one.passage]) for one in candidates]
            )
            for text, judgement, candidates in zip(texts, judgements, wanted, strict=True)
        ]

    def _with_sentences(
        self, text: Text, judgement: Judgement, judged: Sequence[tuple[_Candidate, Scores]]
    ) -> Judgement:
        speeches = self._speeches(text.body, text.day) if judged else []

        def of(one: _Candidate, scores: Scores) -> JudgedSentence:
            start, end, words = one.sentence
            body = one.part == "body"
            return JudgedSentence(
                part=one.part,
                start=start,
                end=end,
                text=words,
                quoted=quoted(text.body if body else text.title, start, end),
                stance=stance_of(scores, self._costs.least_stance),
                relevance=relevance_of(scores)[1],
                event=event_of(scores),
                issues=self._issues.of_sentence(words, scores),
                speech=speech_at(speeches, start, end) if body else None,
            )

        return replace(
            judgement,
            sentences=tuple(of(one, scores) for one, scores in judged),
            speeches=tuple(speeches),
        )

    def _speeches(self, body: str, day: date | None) -> list[Speech]:
        quotes = find_quotes(body)
        speakers = speakers_of(body, quotes, self._mentions(body, day), self._roles)
        return [
            Speech(
                *quote.said,
                text=body[slice(*quote.said)],
                kind=quote.kind,
                speaker=body[slice(*quote.speaker)] if quote.speaker else None,
                actor=actor,
                cue=body[slice(*quote.cue)] if quote.cue else None,
            )
            for quote, actor in zip(quotes, speakers, strict=True)
        ]


def speech_at(speeches: Sequence[Speech], start: int, end: int) -> Speech | None:
    """The speech that most of a sentence at `start` to `end` belongs to, if there is one."""
    for speech in speeches:
        shared = min(speech.end, end) - max(speech.start, start)
        if 2 * shared > end - start:
            return speech
    return None


class _Reading(NamedTuple):
    """What is known of a text before the model is asked; `named_in_body` are offsets, in order."""

    judgement: Judgement
    passes: bool
    named_in_body: Sequence[int]

    @property
    def refused(self) -> bool:
        return self.judgement.abstained is not None


class _Asked:
    """What the classifier has said of the passages of some texts; none is asked about twice."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self.scores: dict[Passage, Scores] = {}

    def ask(self, passages: Sequence[Passage]) -> None:
        new = [one for one in dict.fromkeys(passages) if one not in self.scores]
        self.scores.update(zip(new, self._classifier.classify(new), strict=True))


class _Candidate(NamedTuple):
    part: Part
    sentence: Sentence
    passage: Passage


def _worth_judging(
    judgement: Judgement, reading: _Reading, text: Text, told: Retelling
) -> list[_Candidate]:
    """Of a core text every sentence; of a peripheral one those that name a side or the dyad."""
    relevance = judgement.relevance
    if relevance is None or relevance.label == "none":
        return []
    candidates = _candidates(text, told)
    if relevance.label == "core":
        return list(candidates)
    return [
        one
        for one in candidates
        if one.part == "title" or _any_within(reading.named_in_body, one.sentence)
    ]


def _any_within(offsets: Sequence[int], sentence: Sentence) -> bool:
    place = bisect_left(offsets, sentence.start)
    return place < len(offsets) and offsets[place] < sentence.end


def _candidates(text: Text, told: Retelling) -> Iterator[_Candidate]:
    """The title's sentences, without context, then the body's, each with the one before it."""
    voice = told.host(text.host)
    for sentence in sentences(text.title):
        yield _Candidate("title", sentence, stance_passage(told.text(sentence.text), voice=voice))
    title, previous = told.text(text.title), ""
    for sentence in sentences(text.body):
        words = told.text(sentence.text)
        passage = stance_passage(words, previous=previous, title=title, voice=voice)
        yield _Candidate("body", sentence, passage)
        previous = words


def _whole(text: Text, told: Retelling) -> Iterator[_Candidate]:
    body = text.body.strip()
    if body:
        start = text.body.index(body)
        passage = stance_passage(
            told.text(body), title=told.text(text.title), voice=told.host(text.host)
        )
        yield _Candidate("body", Sentence(start, start + len(body), body), passage)
