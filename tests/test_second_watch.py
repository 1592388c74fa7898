"""Another dyad than the one that the model was trained on: it loads, gates and judges."""

from __future__ import annotations

import pytest

from detente.watch import load_watch
from processors.judgement import Judge, Judgement, Text
from processors.models.onnx import OnnxClassifier
from processors.retelling import retelling_for

WATCH = load_watch("chn-twn")

# Sentences of our own, with the sign of China toward Taiwan and of the reverse; `n` is none.
SENTENCES = (
    ("Beijing accused Taiwan's president of plotting independence.", "-", "n"),
    ("China's Taiwan Affairs Office condemned Lai Ching-te as a troublemaker.", "-", "n"),
    ("The People's Liberation Army launched two days of live-fire drills around Taiwan.", "-", "n"),
    ("Beijing banned imports of pineapples from Taiwan, effective at once.", "-", "n"),
    ("China detained a Taiwanese publisher on charges of secession.", "-", "n"),
    ("China offered to resume group tours to Taiwan if talks begin.", "+", "n"),
    ("Xi Jinping said he hoped for closer exchanges with Taiwan.", "+", "n"),
    ("Beijing lifted its ban on Taiwanese grouper.", "+", "n"),
    ("China thanked Taiwan for its rescue teams after the earthquake.", "+", "n"),
    ("Taipei condemned Beijing's military drills as a provocation.", "n", "-"),
    ("Lai Ching-te warned that China was preparing to annex the island.", "n", "-"),
    ("Taiwan's Mainland Affairs Council rejected Beijing's claim.", "n", "-"),
    ("Taiwan expelled three Chinese reporters over propaganda.", "n", "-"),
    ("Taipei protested against the Chinese coast guard's patrols near Kinmen.", "n", "-"),
    ("Lai said Taiwan was ready to talk with China on an equal footing.", "n", "+"),
    ("Taiwan sent aid to China after the flood.", "n", "+"),
    ("Taipei welcomed Beijing's decision to let the fishermen go home.", "n", "+"),
    ("Tsai Ing-wen offered Beijing her condolences.", "n", "+"),
    ("Officials from China and Taiwan met in Shanghai to discuss ferries.", "+", "+"),
    ("Beijing and Taipei signed an agreement on direct flights.", "+", "+"),
    ("Chip makers in Taiwan had a good year.", "n", "n"),
    ("A typhoon closed schools in Shanghai and in Taipei.", "n", "n"),
    ("Washington sold Taiwan more missiles.", "n", "n"),
    ("Moscow and Beijing held a joint patrol over the Sea of Japan.", "n", "n"),
)
SIGNS = {"2": "+", "1": "+", "0": "0", "-1": "-", "-2": "-", "n": "n"}


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(WATCH, OnnxClassifier())


def only(judge: Judge, title: str, body: str) -> Judgement:
    (found,) = judge.judge([Text(title, body)])
    return found


def test_names_are_exchanged_for_the_model_alone(judge: Judge) -> None:
    body = "Beijing accused Taipei of delay. Washington looked on, and so did Moscow."
    told = retelling_for(WATCH)
    assert told.text(body) == (
        "Washington accused Moscow of delay. Tokyo looked on, and so did New Delhi."
    )
    assert (told.host("mac.gov.tw"), told.host("bbc.co.uk")) == ("kremlin.ru", "bbc.co.uk")
    assert retelling_for(load_watch("usa-rus")).text(body) == body
    (found,) = judge.judge_every_sentence([Text("", body)])
    assert [body[one.start : one.end] for one in found.sentences] == [
        one.text for one in found.sentences
    ]


def test_the_gate_is_the_watchs(judge: Judge) -> None:
    gated = only(judge, "Oil falls", "Washington and Moscow traded barbs over oil on Tuesday.")
    assert gated.relevance is not None
    assert (gated.relevance.label, gated.relevance.score, gated.sentences) == ("none", 0.0, ())


def test_an_article_is_judged(judge: Judge) -> None:
    found = only(
        judge,
        "Beijing condemns Taipei over defence plan",
        "Beijing on Monday condemned Taiwan's plan to buy more missiles. Lai Ching-te said that "
        "China was the threat to peace in the strait. The People's Liberation Army began drills "
        "off the island's east coast the same day.",
    )
    assert found.relevance is not None
    assert found.relevance.label == "core"
    assert set(found.actors) == {"lai-ching-te"}
    assert {head: dyad.label for head, dyad in found.dyads().items()} == {
        "A>B": "adversarial",
        "B>A": "adversarial",
    }
    assert {issue.id for issue in found.issues()} == {"military"}


def test_most_signs_are_right(judge: Judge) -> None:
    judged = judge.judge_every_sentence([Text("", text) for text, *_ in SENTENCES])
    right = 0
    for found, (_, *wanted) in zip(judged, SENTENCES, strict=True):
        (sentence,) = found.sentences
        right += [SIGNS[it.label] for it in sentence.stance.values()] == wanted
    assert right >= 0.7 * len(SENTENCES), f"both directions right in {right} of {len(SENTENCES)}"
