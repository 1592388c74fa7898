"""The processors: collected articles in, assessed articles out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from detente.article import (
    AssessedArticle,
    Assessment,
    CollectedArticle,
    Dyad,
    Evidence,
    ModelIdentity,
    Stance,
)
from detente.bus.base import Record
from detente.flow import route
from detente.runner import Outcome, Publish, Stage
from detente.settings import Settings
from detente.watch import Watch, load_watch
from detente.wire import encode
from processors.judgement import Judge, JudgedSentence, Judgement, Text
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
        self._judge = Judge(self.watch, classifier)
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
                sentences=dyad.sentences,
            )
            for head, dyad in judgement.dyads().items()
            for holder, target in [DIRECTIONS[head]]
        ),
        model=model,
        assessed=now,
    )


def _stances(sentence: JudgedSentence, watch: Watch) -> list[Stance]:
    """The directions in which the sentence takes a stance; none of those that aren't in it."""
    evidence = Evidence(
        part=sentence.part,
        start=sentence.start,
        end=sentence.end,
        text=sentence.text,
        quoted=sentence.quoted,
    )
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
                    evidence=evidence,
                )
            )
    return stances


def _text(article: CollectedArticle) -> Text:
    return Text(article.title, article.body, article.language, article.source.host)
