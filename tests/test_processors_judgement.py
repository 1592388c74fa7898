"""The judge: what it asks of the model, what it abstains from, and where its sentences stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.article import Relevance
from detente.errors import ConfigError
from detente.watch import load_watch
from processors.costs import Costs
from processors.judgement import BELOW_GATE, Judge, Judgement, Text
from processors.models import KeywordClassifier, Passage
from processors.models.base import HEADS, RELEVANCE, ModelIdentity, Scores, Weights
from processors.relevance import relevance_passages
from processors.stance import stance_passage
from processors.weighing import document_passages

STEADY = settings(derandomize=True, deadline=None)
"""The same examples on every run, however slow the machine."""

WATCH = load_watch("usa-rus")

CORE = Text(
    "Moscow accuses Washington",
    "Moscow accused Washington of delay. Nobody was surprised by it.\nThe weather was fine.",
)
PERIPHERAL = Text(
    "Markets look to Moscow",
    "Washington was quiet. Shares rose a little.\n\nIn Moscow they fell. The day ended early.",
)
NONE = Text("Moscow opens a bridge", "The bridge in Moscow was opened on Tuesday by the mayor.")


class Counting:
    """The keyword classifier, keeping what it was asked; `relevance` overrides its decision."""

    heads: Mapping[str, tuple[str, ...]] = HEADS
    weights: Weights | None = None

    def __init__(self, relevance: Mapping[str, float] | None = None) -> None:
        self.identity = ModelIdentity("counting", "0" * 12)
        self.asked: list[Passage] = []
        self.warmed = 0
        self._relevance = relevance
        self._real = KeywordClassifier()

    def warm_up(self) -> None:
        self.warmed += 1

    def classify(self, passages: Sequence[Passage]) -> Sequence[Scores]:
        self.asked += passages
        scores = self._real.classify(passages)
        if self._relevance is None:
            return scores
        return [{**one, RELEVANCE: self._relevance} for one in scores]


def judge(
    *texts: Text, relevance: Mapping[str, float] | None = None
) -> tuple[list[Judgement], list[Passage]]:
    classifier = Counting(relevance)
    return Judge(WATCH, classifier).judge(texts), classifier.asked


PERIPHERAL_SCORES = {"core": 0.2, "peripheral": 0.7, "none": 0.1}
UNSURE_SCORES = {"core": 0.35, "peripheral": 0.33, "none": 0.32}


def test_the_gate_spares_the_encoder() -> None:
    (found,), asked = judge(NONE)
    assert asked == []
    assert found == Judgement("en", relevance=BELOW_GATE)
    assert found.relevance == Relevance("none", 0.0)


def test_a_text_not_relevant_has_no_sentences_judged() -> None:
    none = {"core": 0.1, "peripheral": 0.2, "none": 0.7}
    (found,), asked = judge(CORE, relevance=none)
    assert found.relevance == Relevance("none", 0.1 + 0.5 * 0.2)
    assert (found.sentences, found.abstained) == ((), None)
    assert asked == list(relevance_passages(*CORE[:2]))


def test_weights_judge_a_text_by_its_sentences_too_and_ask_about_none_twice() -> None:
    classifier = Counting()
    # Whatever the head of relevance says: core is what has a position in half its sentences.
    classifier.weights = {
        "core": (0.0, 0.0, 0.0, 60.0, 0.0),
        "peripheral": (0.0, 0.0, 0.0, 0.0, -20.0),
        "none": (0.0, 0.0, 0.0, 0.0, 10.0),
    }
    few = Text("Moscow and Washington", "Washington slept.\n" + "The weather was fine.\n" * 9)
    found = Judge(WATCH, classifier).judge([CORE, few])
    assert [one.relevance.label for one in found if one.relevance] == ["core", "none"]
    assert len(classifier.asked) == len(set(classifier.asked))
    assert {*document_passages(*CORE[:2]).all} < {*classifier.asked}


def test_of_a_core_text_every_sentence_is_judged() -> None:
    (found,), asked = judge(CORE)
    assert found.relevance is not None
    assert found.relevance.label == "core"
    assert [(one.part, one.text) for one in found.sentences] == [
        ("title", "Moscow accuses Washington"),
        ("body", "Moscow accused Washington of delay."),
        ("body", "Nobody was surprised by it."),
        ("body", "The weather was fine."),
    ]
    # The title stands alone; each other sentence is read with the title and the one before it.
    title, (one, two, three) = CORE.title, [it.text for it in found.sentences[1:]]
    assert asked[1:] == [
        stance_passage(title),
        stance_passage(one, title=title),
        stance_passage(two, title=title, previous=one),
        stance_passage(three, title=title, previous=two),
    ]
    assert found.sentences[1].stance["B>A"].label == "-1"
    assert set(found.dyads()) == {"B>A"}
    assert found.dyads()["B>A"].label == "adversarial"


SPOKEN = Text(
    "Moscow accuses Washington",
    "Sergei Lavrov said on Monday that Washington had rejected every offer on visas. "
    '"They rejected us twice over," he said.\nMoscow accused Washington of delay.',
)


def test_whose_words_a_sentence_is() -> None:
    (found,), _ = judge(SPOKEN)
    title, reported, quoted, told = found.sentences
    assert title.speech is told.speech is None
    assert reported.speech is not None
    assert reported.speech.text == "Washington had rejected every offer on visas"
    assert (reported.speech.kind, reported.speech.actor) == ("indirect", "sergei-lavrov")
    assert (reported.speech.speaker, reported.speech.cue) == ("Sergei Lavrov", "said")
    assert quoted.speech is not None
    assert (quoted.speech.kind, quoted.speech.speaker) == ("direct", "he")
    assert quoted.speech.actor == "sergei-lavrov"
    assert found.speeches == (reported.speech, quoted.speech)
    assert all(SPOKEN.body[one.start : one.end] == one.text for one in found.speeches)


def test_the_sentences_that_decided_the_relevance() -> None:
    (found,), _ = judge(SPOKEN)
    # All but the one that names no side alone.
    title, reported, _, told = found.sentences
    assert found.deciding() == [title, reported, told]


def test_what_a_mistake_costs_decides_what_is_said() -> None:
    """The keyword classifier gives what it says a probability of 0.9, and so of the sign 0.92."""
    for costs, said in ((Costs(stance=9.0), {"B>A"}), (Costs(stance=20.0), set())):
        (found,) = Judge(WATCH, Counting(), costs).judge([CORE])
        assert set(found.dyads()) == said
        assert found.sentences[1].stance["B>A"].label == "-1"
    (found,) = Judge(WATCH, Counting(), Costs(relevance=20.0)).judge([CORE])
    assert (found.relevance, found.abstained) == (None, "low confidence")


@pytest.mark.parametrize(
    "body",
    [
        "Please enable JavaScript and cookies to continue.",
        "We use cookies. Manage cookies or read our privacy policy to learn what Moscow and "
        "Washington know about you.",
        "Subscribe to continue reading. Already a subscriber? Sign in.",
        "Verify you are human.",
    ],
)
def test_what_a_site_shows_in_an_articles_place_is_not_judged(body: str) -> None:
    (found,), asked = judge(Text("Moscow accuses Washington", body))
    assert (found.relevance, found.abstained, found.sentences) == (None, "boilerplate", ())
    assert asked == []


def test_an_article_about_cookies_is_an_article() -> None:
    body = "Moscow accused Washington of delay. " * 20 + "We use cookies, see our privacy policy."
    (found,), _ = judge(Text("Moscow accuses Washington", body))
    assert found.abstained is None
    (short,), _ = judge(Text("", "Washington denied access to its bakers, who accept cookies."))
    assert short.abstained is None


def test_what_a_text_is_about() -> None:
    (found,), _ = judge(SPOKEN)
    (issue,) = found.issues()
    assert (issue.id, issue.sentences) == ("visas", 1)
    assert found.sentences[issue.sentence].text.endswith("every offer on visas.")


def test_of_a_peripheral_text_only_what_names_a_side_is_judged() -> None:
    (found,), asked = judge(PERIPHERAL, relevance=PERIPHERAL_SCORES)
    assert [one.text for one in found.sentences] == [
        "Markets look to Moscow",
        "Washington was quiet.",
        "In Moscow they fell.",
    ]
    # What stands before is context even where it isn't judged itself.
    assert asked[-1].context.endswith("Shares rose a little.")


def test_a_peripheral_title_is_judged_whatever_it_names() -> None:
    text = Text("A quiet day", PERIPHERAL.body)
    (found,), _ = judge(text, relevance=PERIPHERAL_SCORES)
    assert found.sentences[0].part == "title"


@pytest.mark.parametrize("claim", [None, "ru", "en"])
def test_another_language_is_abstained_never_neutral(claim: str | None) -> None:
    text = Text(
        "Москва обвинила Вашингтон",
        "Москва обвинила Вашингтон в срыве переговоров, сообщил Песков.",
        claim,
    )
    (found,), asked = judge(text)
    assert (found.language, found.abstained) == ("ru", "language ru")
    assert found.relevance is None
    assert (found.sentences, found.dyads(), asked) == ((), {}, [])
    assert "dmitry-peskov" in found.actors


@pytest.mark.parametrize("text", [Text("", ""), Text("Moscow", " \n"), Text(" ", "U.S. Moscow")])
def test_too_short_is_abstained(text: Text) -> None:
    (found,), asked = judge(text)
    assert found.abstained == "too short"
    assert (found.relevance, asked) == (None, [])


def test_a_title_alone_and_a_text_of_signs_alone() -> None:
    (title, signs), _ = judge(Text("Moscow accuses Washington", ""), Text("🇺🇸 🇷🇺 🔥", "1 2"))
    assert [one.part for one in title.sentences] == ["title"]
    assert set(title.dyads()) == {"B>A"}
    assert (signs.language, signs.relevance) == ("en", BELOW_GATE)


def test_low_confidence_is_abstained() -> None:
    (found,), asked = judge(CORE, relevance=UNSURE_SCORES)
    assert found.abstained == "low confidence"
    assert (found.relevance, found.sentences, len(asked)) == (None, (), 1)


def test_a_host_speaks_for_its_side() -> None:
    text = Text("On the talks", "We accused Moscow of delay and we said so.", host="www.state.gov")
    (found,), asked = judge(text)
    assert found.relevance is not None
    assert found.relevance.label == "core"
    assert {passage.voice for passage in asked} == {"www.state.gov"}
    assert found.sentences[1].stance["A>B"].label == "-1"
    (unheard,), _ = judge(text._replace(host="news.example"))
    assert unheard.relevance == BELOW_GATE


def test_each_text_gets_its_own_judgement_in_order() -> None:
    short = Text("", "")
    together, _ = judge(CORE, NONE, short, PERIPHERAL, CORE)
    assert together == [judge(text)[0][0] for text in (CORE, NONE, short, PERIPHERAL, CORE)]


def test_nothing_to_judge() -> None:
    assert judge()[0] == []


def test_the_model_is_asked_at_most_twice_for_a_batch() -> None:
    """So that it can batch: once for relevance, once for all sentences of all texts."""
    calls = []

    class Once(Counting):
        def classify(self, passages: Sequence[Passage]) -> Sequence[Scores]:
            calls.append(len(passages))
            return super().classify(passages)

    Judge(WATCH, Once()).judge([CORE, NONE, PERIPHERAL])
    assert calls == [2, 7]


def test_quoted_and_actors() -> None:
    body = (
        "“Washington broke it and Moscow did not,” said Dmitry Peskov. Rubio denied it to Moscow."
    )
    (found,), _ = judge(Text("On the talks", body))
    assert found.actors == ("dmitry-peskov", "marco-rubio")
    assert [one.quoted for one in found.sentences] == [False, True, False]


def test_an_empty_body_and_an_empty_title() -> None:
    (found,), _ = judge(Text("Moscow accuses Washington of delay", ""))
    assert [one.part for one in found.sentences] == ["title"]
    (found,), _ = judge(Text("", "Moscow accuses Washington of delay"))
    assert [one.part for one in found.sentences] == ["body"]


ODD = st.sampled_from(
    ["Moscow ", "Washington ", "accused ", "met ", ". ", "“", '"', "\n", "\r\n", "\u2028", "\x00",
     "İ", "e\u0301", "😀", "\u200b", "\u00a0", " the talks of the day ", "U.S. "]
)  # fmt: skip
ODD_TEXT = st.lists(ODD, max_size=25).map("".join)


@STEADY
@given(ODD_TEXT, ODD_TEXT, st.sampled_from([None, PERIPHERAL_SCORES]))
def test_offsets_are_exact_whatever_the_text(
    title: str, body: str, relevance: Mapping[str, float] | None
) -> None:
    text = Text(title, body, "en")
    subject = Judge(WATCH, Counting(relevance))
    for found in (
        *subject.judge([text]),
        *subject.judge_every_sentence([text]),
        *subject.judge_every_sentence([text], split=False),
    ):
        for one in found.sentences:
            part = title if one.part == "title" else body
            assert one.text == part[one.start : one.end]
            assert one.text == one.text.strip() != ""


def test_every_sentence_is_judged_when_asked_relevant_or_not() -> None:
    subject = Judge(WATCH, Counting())
    none, short, unsure = (
        *subject.judge_every_sentence([NONE, Text("", "Moscow")]),
        *Judge(WATCH, Counting(UNSURE_SCORES)).judge_every_sentence([CORE]),
    )
    assert none.relevance == BELOW_GATE
    assert [one.part for one in none.sentences] == ["title", "body"]
    assert (short.abstained, short.sentences) == ("too short", ())
    assert unsure.abstained == "low confidence"
    assert len(unsure.sentences) == 4


def test_without_splitting_a_body_is_one_sentence_and_its_title_context() -> None:
    classifier = Counting()
    body = "\n Moscow accused Washington.\nIt was late. "
    (found,) = Judge(WATCH, classifier).judge_every_sentence([Text("Late", body)], split=False)
    (one,) = found.sentences
    assert (one.part, one.start, one.end) == ("body", 2, len(body) - 1)
    assert one.text == body.strip()
    assert classifier.asked[-1] == stance_passage(body, title="Late")
    (empty,) = Judge(WATCH, classifier).judge_every_sentence(
        [Text("Moscow accused Washington of it", " ")], split=False
    )
    assert empty.sentences == ()


def test_warming_up_loads_the_model_and_passes_its_error_on() -> None:
    classifier = Counting()
    Judge(WATCH, classifier).warm_up()
    assert classifier.warmed == 1

    class Broken(Counting):
        def warm_up(self) -> None:
            raise ConfigError("no such model")

    with pytest.raises(ConfigError, match="no such model"):
        Judge(WATCH, Broken()).warm_up()
