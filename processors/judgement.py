"""What the watch and the model say of a text: language, gate, relevance, stance by sentence.

From cheap to dear: a text in another language is not judged; one that doesn't name both sides
can't be about their relations and never reaches the encoder; and only of a relevant text are the
sentences judged.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple

from detente.article import Relevance
from detente.watch import Watch
from processors.actors import ActorMatcher, names_dyad
from processors.language import language_of, too_short
from processors.models.base import STANCE_HEADS, Classifier, Passage
from processors.relevance import is_unsure, mean_scores, relevance_of, relevance_passages
from processors.stance import (
    DyadStance,
    SentenceStance,
    article_stance,
    stance_of,
    stance_passage,
)
from processors.text import Sentence, quoted, sentences

LANGUAGES: Final = ("en",)
"""What the shipped model was trained on. Text in any other language is not judged."""

BELOW_GATE: Final = Relevance("none", 0.0)

Part = Literal["title", "body"]


class Text(NamedTuple):
    """What is judged. `language` is a claim; `host` is the outlet's, as "state.gov"."""

    title: str
    body: str
    language: str | None = None
    host: str = ""


class JudgedSentence(NamedTuple):
    """One sentence: `text == part[start:end]`, exactly; `stance` by the classifier's directions."""

    part: Part
    start: int
    end: int
    text: str
    quoted: bool
    stance: dict[str, SentenceStance]


@dataclass(frozen=True, slots=True)
class Judgement:
    """`abstained` holds the reason, of few values, where there is no judgement; then `relevance`
    is None. `actors` are ids of the watch's, in the order of their names."""

    language: str
    actors: tuple[str, ...] = ()
    relevance: Relevance | None = None
    abstained: str | None = None
    sentences: tuple[JudgedSentence, ...] = ()

    def dyads(self) -> dict[str, DyadStance]:
        """Each direction in which some sentence takes a stance, over the whole text."""
        found = {
            head: article_stance(sentence.stance[head] for sentence in self.sentences)
            for head in STANCE_HEADS
        }
        return {head: stance for head, stance in found.items() if stance is not None}


class Judge:
    """Judges texts for one watch with one classifier. Used by one thread."""

    def __init__(self, watch: Watch, classifier: Classifier) -> None:
        self._watch = watch
        self._classifier = classifier
        self._matcher = ActorMatcher(watch)

    def warm_up(self) -> None:
        """Load the model and all else that takes long; the first text need not wait for it.

        Raises ConfigError where the model can't be loaded.
        """
        self._classifier.warm_up()
        self._matcher.mentions("")
        language_of("", None)

    def judge(self, texts: Sequence[Text]) -> list[Judgement]:
        """Judge each text, in order, asking the model only where its answer can matter."""
        readings = [self._read(text) for text in texts]
        judgements = self._with_relevance(texts, readings)
        wanted = [
            _worth_judging(judgement, reading, text)
            for judgement, reading, text in zip(judgements, readings, texts, strict=True)
        ]
        return self._with_stances(texts, judgements, wanted)

    def judge_every_sentence(self, texts: Sequence[Text], *, split: bool = True) -> list[Judgement]:
        """Judge each text as `judge` does, and each of its sentences, relevant or not.

        Without `split` a body counts as one sentence, and its title only as context. Texts that
        are not judged at all (another language, too short) have no sentences here either.
        """
        readings = [self._read(text) for text in texts]
        judgements = self._with_relevance(texts, readings)
        wanted = [
            [] if reading.refused else list(_whole(text) if not split else _candidates(text))
            for reading, text in zip(readings, texts, strict=True)
        ]
        return self._with_stances(texts, judgements, wanted)

    def _read(self, text: Text) -> _Reading:
        title, body = (self._matcher.mentions(part) for part in (text.title, text.body))
        mentions = [*title, *body]
        whole = f"{text.title}\n{text.body}"
        language = language_of(whole, text.language)
        refused = None
        if language not in LANGUAGES:
            refused = f"language {language}"
        elif too_short(whole):
            refused = "too short"
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

    def _with_relevance(
        self, texts: Sequence[Text], readings: Sequence[_Reading]
    ) -> list[Judgement]:
        judgements = [reading.judgement for reading in readings]
        places = [place for place, reading in enumerate(readings) if reading.passes]
        passages = [
            relevance_passages(texts[place].title, texts[place].body, voice=texts[place].host)
            for place in places
        ]
        found = iter(self._classifier.classify([one for some in passages for one in some]))
        for place, some in zip(places, passages, strict=True):
            scores = mean_scores([next(found) for _ in some])
            judgements[place] = (
                replace(judgements[place], relevance=None, abstained="low confidence")
                if is_unsure(scores)
                else replace(judgements[place], relevance=Relevance(*relevance_of(scores)))
            )
        return judgements

    def _with_stances(
        self,
        texts: Sequence[Text],
        judgements: Sequence[Judgement],
        wanted: Sequence[Sequence[_Candidate]],
    ) -> list[Judgement]:
        """All sentences of all texts go to the classifier at once, which batches like lengths."""
        passages = [one.passage for candidates in wanted for one in candidates]
        scores = iter(self._classifier.classify(passages))
        judged = []
        for text, judgement, candidates in zip(texts, judgements, wanted, strict=True):
            found = tuple(
                JudgedSentence(
                    part=one.part,
                    start=one.sentence.start,
                    end=one.sentence.end,
                    text=one.sentence.text,
                    quoted=quoted(
                        text.title if one.part == "title" else text.body,
                        one.sentence.start,
                        one.sentence.end,
                    ),
                    stance=stance_of(next(scores)),
                )
                for one in candidates
            )
            judged.append(replace(judgement, sentences=found))
        return judged


class _Reading(NamedTuple):
    """What is known of a text before the model is asked; `named_in_body` are offsets, in order."""

    judgement: Judgement
    passes: bool
    named_in_body: Sequence[int]

    @property
    def refused(self) -> bool:
        return self.judgement.abstained is not None


class _Candidate(NamedTuple):
    part: Part
    sentence: Sentence
    passage: Passage


def _worth_judging(judgement: Judgement, reading: _Reading, text: Text) -> list[_Candidate]:
    """Of a core text every sentence; of a peripheral one those that name a side or the dyad."""
    relevance = judgement.relevance
    if relevance is None or relevance.label == "none":
        return []
    candidates = _candidates(text)
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


def _candidates(text: Text) -> Iterator[_Candidate]:
    """The title's sentences, without context, then the body's, each with the one before it."""
    for sentence in sentences(text.title):
        yield _Candidate("title", sentence, stance_passage(sentence.text, voice=text.host))
    previous = ""
    for sentence in sentences(text.body):
        passage = stance_passage(
            sentence.text, previous=previous, title=text.title, voice=text.host
        )
        yield _Candidate("body", sentence, passage)
        previous = sentence.text


def _whole(text: Text) -> Iterator[_Candidate]:
    body = text.body.strip()
    if body:
        start = text.body.index(body)
        passage = stance_passage(body, title=text.title, voice=text.host)
        yield _Candidate("body", Sentence(start, start + len(body), body), passage)
