"""A judgement as `detente judge` gives it: as JSON, and for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from detente.cli.output import console, print_table, signed, tone

if TYPE_CHECKING:
    from detente.article import ModelIdentity
    from detente.watch import Watch
    from processors.judgement import JudgedSentence, Judgement, Text
    from processors.stance import SentenceStance


def answer(id: Any, judgement: Judgement, watch: Watch, model: ModelIdentity) -> dict[str, Any]:
    """What is written of one text. Offsets count the characters of its part: title or body."""
    found: dict[str, Any] = {} if id is None else {"id": id}
    found["relevance"] = judgement.relevance
    if judgement.abstained:
        found["abstained"] = judgement.abstained
    found["grounds"] = [
        {**_place(one), "score": round(one.relevance, 4)} for one in judgement.deciding()
    ]
    found["language"] = judgement.language
    found["actors"] = judgement.actors
    headline = [_sentence(one, watch) for one in judgement.sentences if one.part == "title"]
    if headline:
        found["title"] = headline
    found["sentences"] = [
        _sentence(one, watch) for one in judgement.sentences if one.part == "body"
    ]
    found["dyads"] = {
        _name(head, watch): {
            "label": dyad.label,
            "score": round(dyad.score, 4),
            "low": round(dyad.low, 4),
            "high": round(dyad.high, 4),
            "sentences": dyad.sentences,
        }
        for head, dyad in judgement.dyads().items()
    }
    found["issues"] = [
        {
            "id": issue.id,
            "score": round(issue.score, 4),
            "sentences": issue.sentences,
            "clearest": _place(judgement.sentences[issue.sentence]),
        }
        for issue in judgement.issues()
    ]
    found["quotations"] = [
        {
            "start": speech.start,
            "end": speech.end,
            "kind": speech.kind,
            "speaker": speech.speaker,
            "actor": speech.actor,
            "cue": speech.cue,
        }
        for speech in judgement.speeches
    ]
    found["model"] = {"name": model.name, "revision": model.revision}
    return found


def show(answer: Mapping[str, Any], asked: Text) -> None:
    """Print an answer for people."""
    parts = {"title": asked.title, "body": asked.body}
    _show_relevance(answer, parts)
    _show_dyads(answer)
    if answer["issues"]:
        about = ", ".join(f"{one['id']} ({one['score']:.2f})" for one in answer["issues"])
        console().print(f"About: {about}", markup=False)
    _show_sentences(answer, parts)
    model = answer["model"]
    console().print(f"Judged by {model['name']} {model['revision']}", markup=False)


def _show_relevance(answer: Mapping[str, Any], parts: Mapping[str, str]) -> None:
    out = console()
    if answer.get("abstained"):
        out.print(f"Not judged: {answer['abstained']}", markup=False)
        return
    relevance = answer["relevance"]
    out.print(f"Relevance: {relevance.label} ({relevance.score:.2f})", markup=False)
    for one in answer["grounds"]:
        words = parts[one["part"]][one["start"] : one["end"]]
        out.print(f"  because ({one['score']:.2f}): {words}", markup=False, highlight=False)


def _show_dyads(answer: Mapping[str, Any]) -> None:
    from rich.text import Text as Styled

    for name, dyad in answer["dyads"].items():
        console().print(
            Styled(
                f"{name.replace('>', ' → ')}: {dyad['label']} {signed(dyad['score'])} "
                f"({signed(dyad['low'])} to {signed(dyad['high'])}) "
                f"over {dyad['sentences']} sentences",
                style=tone(dyad["score"]),
            )
        )


def _show_sentences(answer: Mapping[str, Any], parts: Mapping[str, str]) -> None:
    judged = [("title", one) for one in answer.get("title", ())]
    judged += [("body", one) for one in answer["sentences"]]
    if not judged:
        return
    names = list(judged[0][1]["stance"])
    print_table(
        [*names, "act", "speaker", "sentence"],
        [
            (
                *(_cell(one["stance"][name]) for name in names),
                one.get("event", {}).get("type", "").lower(),
                one.get("speaker") or "",
                parts[part][one["start"] : one["end"]],
            )
            for part, one in judged
        ],
    )


def _sentence(one: JudgedSentence, watch: Watch) -> dict[str, Any]:
    """A sentence with its stance; its event, issues and speaker where it has them."""
    found: dict[str, Any] = {
        "start": one.start,
        "end": one.end,
        "stance": {_name(head, watch): _direction(it) for head, it in one.stance.items()},
    }
    if one.event:
        found["event"] = {
            "type": one.event.type,
            "confidence": round(one.event.confidence, 4),
        }
    if one.issues:
        found["issues"] = {id: round(score, 4) for id, score in one.issues.items()}
    if one.speech and one.speech.speaker:
        found["speaker"] = watch.actor_names.get(one.speech.actor or "", one.speech.speaker)
    return found


def _place(one: JudgedSentence) -> dict[str, Any]:
    return {"part": one.part, "start": one.start, "end": one.end}


def _direction(stance: SentenceStance) -> dict[str, Any]:
    return {"label": stance.label, "confidence": round(stance.confidence, 4)}


def _name(head: str, watch: Watch) -> str:
    from processors.stance import DIRECTIONS

    holder, target = DIRECTIONS[head]
    return f"{watch.codes[holder]}>{watch.codes[target]}"


def _cell(direction: Mapping[str, Any]) -> str:
    """A label with its confidence; a dot for a direction that isn't in the sentence."""
    if direction["label"] == "n":
        return "·"
    return f"{direction['label']:>2} ({direction['confidence']:.2f})"
