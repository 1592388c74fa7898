"""The processors: collected articles in, assessed articles out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from detente.article import (
    AssessedArticle,
    Assessment,
    CollectedArticle,
    Dyad,
    Event,
    Evidence,
    Ground,
    IssueFound,
    ModelIdentity,
    Quotation,
    Stance,
)
from detente.bus.base import Record
from detente.flow import route
from detente.runner import Outcome, Publish, Stage
from detente.settings import Settings
from detente.watch import Watch, load_watch
from detente.wire import encode
from processors.costs import Costs
from processors.events import EVENTS
from processors.judgement import Judge, JudgedSentence, Judgement, Speech, Text
from processors.models import open_classifier
from processors.stance import DIRECTIONS, GRADE_SCORES, sign_of


class Assessor:
    """Judges articles with the watch and the model that the settings name, both loaded.

    Raises ConfigError where one of them can't be.
    """

    def __init__(self, settings: Settings) -> None:
        self.watch = load_watch(settings.watch)
        classifier = open_classifier(settings.processors.model, threads=settings.processors.threads)
        self.model: ModelIdentity = classifier.identity
        costs = Costs(settings.processors.wrong_stance, settings.processors.wrong_relevance)
        self._judge = Judge(self.watch, classifier, costs)
        self._judge.warm_up()

    def assess(self, articles: Sequence[CollectedArticle]) -> list[AssessedArticle]:
        """Each article with its assessment, in order."""
        judgements = self._judge.judge([_text(article) for article in articles])
        now = datetime.now(UTC)
        return [
            AssessedArticle(
                article=article,
                assessment=assessment_of(judgement, self.watch, self.model, now),
            )
            for article, judgement in zip(articles, judgements, strict=True)
        ]


def processor_stage(settings: Settings) -> Stage[CollectedArticle]:
    """The stage over an `Assessor`. Raises ConfigError."""
    assessor = Assessor(settings)

    def handle(batch: Sequence[CollectedArticle]) -> Sequence[Outcome]:
        return [
            Publish([Record(assessed.article.id, encode(assessed))])
            for assessed in assessor.assess(batch)
        ]

    return Stage(route("processors"), CollectedArticle, handle)


def assessment_of(
    judgement: Judgement, watch: Watch, model: ModelIdentity, now: datetime
) -> Assessment:
    """A judgement in the terms of the watch: the classifier's A and B become the sides' codes."""
    return Assessment(
        watch=watch.name,
        relevance=judgement.relevance,
        grounds=tuple(
            Ground(score=round(one.relevance, 4), evidence=_evidence(one, watch))
            for one in judgement.deciding()
        ),
        abstained=judgement.abstained,
        language=judgement.language,
        actors=judgement.actors,
        stances=tuple(
            stance for sentence in judgement.sentences for stance in _stances(sentence, watch)
        ),
        dyads=tuple(
            Dyad(
                holder=watch.codes[holder],
                target=watch.codes[target],
                label=dyad.label,
                score=round(dyad.score, 4),
                low=round(dyad.low, 4),
                high=round(dyad.high, 4),
                sentences=dyad.sentences,
            )
            for head, dyad in judgement.dyads().items()
            for holder, target in [DIRECTIONS[head]]
        ),
        issues=tuple(
            IssueFound(
                id=issue.id,
                score=round(issue.score, 4),
                sentences=issue.sentences,
                evidence=_evidence(judgement.sentences[issue.sentence], watch),
            )
            for issue in judgement.issues()
        ),
        quotations=tuple(_quotation(speech, watch) for speech in judgement.speeches),
        model=model,
        assessed=now,
    )


def _stances(sentence: JudgedSentence, watch: Watch) -> list[Stance]:
    """The directions in which the sentence takes a stance; none of those that aren't in it."""
    stances = []
    for head, (holder, target) in DIRECTIONS.items():
        found = sentence.stance[head]
        if found.grade:
            stances.append(
                Stance(
                    holder=watch.codes[holder],
                    target=watch.codes[target],
                    label=sign_of(found.grade),
                    grade=found.grade,
                    score=GRADE_SCORES[found.grade],
                    confidence=round(found.confidence, 4),
                    evidence=_evidence(sentence, watch),
                    event=_event(sentence),
                )
            )
    return stances


def _evidence(sentence: JudgedSentence, watch: Watch) -> Evidence:
    return Evidence(
        part=sentence.part,
        start=sentence.start,
        end=sentence.end,
        text=sentence.text,
        quoted=sentence.quoted,
        speaker=_speaker(sentence.speech, watch),
    )


def _speaker(speech: Speech | None, watch: Watch) -> str | None:
    """The name of the watch's actor who speaks, or else the text's words."""
    return watch.actor_names.get(speech.actor or "", speech.speaker) if speech else None


def _quotation(speech: Speech, watch: Watch) -> Quotation:
    return Quotation(**{**speech._asdict(), "speaker": _speaker(speech, watch)})


def _event(sentence: JudgedSentence) -> Event | None:
    if sentence.event is None:
        return None
    kind = EVENTS[sentence.event.type]
    return Event(
        type=sentence.event.type,
        quad=kind.quad,
        goldstein=kind.goldstein,
        confidence=round(sentence.event.confidence, 4),
    )


def _text(article: CollectedArticle) -> Text:
    day = (article.published or article.first_seen).date()
    return Text(article.title, article.body, article.language, article.source.host, day)
