"""`detente judge`: a text, a page, or lines of JSON in, judgements out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from detente.newsroom import Newsroom
from tests.commandline import Detente, command_line

TEXT = "Moscow expelled two American diplomats. It rained in Paris."
LABELS = {"2", "1", "0", "-1", "-2", "n"}


@pytest.fixture
def detente(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Detente:
    monkeypatch.setenv("DETENTE_PROCESSORS__MODEL", "keyword")
    return command_line(monkeypatch, capfd, tmp_path)


def lines(*rows: object) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_a_text_from_standard_input(detente: Detente) -> None:
    said = detente("judge", "--json", stdin=TEXT).json
    assert said["relevance"]["label"] == "core"
    assert [TEXT[s["start"] : s["end"]] for s in said["sentences"]] == [
        "Moscow expelled two American diplomats.",
        "It rained in Paris.",
    ]
    assert said["sentences"][0]["stance"]["RUS>USA"]["label"] == "-2"
    assert said["sentences"][1]["stance"]["RUS>USA"]["label"] == "n"
    (dyad,) = said["dyads"].items()
    assert dyad[0] == "RUS>USA"
    assert (dyad[1]["label"], dyad[1]["score"], dyad[1]["sentences"]) == ("adversarial", -1.0, 1)
    assert dyad[1]["low"] <= dyad[1]["score"] <= dyad[1]["high"] <= 1
    assert said["model"]["name"] == "keyword"


def test_what_shows_it_is_pointed_at(detente: Detente) -> None:
    title = "Moscow answers in kind"
    text = "Sergei Lavrov said that Moscow expelled two American diplomats."
    said = detente("judge", "--json", "--title", title, stdin=text).json
    (ground,) = said["grounds"]
    assert (ground["part"], text[ground["start"] : ground["end"]]) == ("body", text)
    (issue,) = said["issues"]
    assert (issue["id"], issue["clearest"]["part"]) == ("expulsions", "body")
    (quotation,) = said["quotations"]
    assert text[quotation["start"] : quotation["end"]] == "Moscow expelled two American diplomats"
    assert (quotation["actor"], quotation["cue"]) == ("sergei-lavrov", "said")
    assert said["sentences"][0]["speaker"] == "Sergei Lavrov"
    shown = detente("judge", "--title", title, stdin=text).out
    for part in ("because (0.", "About: expulsions (1.00)", "Sergei"):
        assert part in shown


def test_who_held_an_office_depends_on_the_day(detente: Detente) -> None:
    text = "The U.S. president said that Moscow expelled two American diplomats."
    for day, actor in (("2014-03-01", "barack-obama"), ("2019-03-01", "donald-trump")):
        said = detente("judge", "--json", "--day", day, stdin=text).json
        assert [one["actor"] for one in said["quotations"]] == [actor]
    row = {"id": 1, "text": text, "day": "2014-03-01"}
    said = detente("judge", "--jsonl", stdin=lines(row)).json
    assert [one["actor"] for one in said["quotations"]] == ["barack-obama"]
    assert [one["actor"] for one in detente("judge", "--json", stdin=text).json["quotations"]] == [
        None
    ]
    assert "'March' does not match" in detente("judge", "--day", "March", stdin=text).err


def test_as_a_table(detente: Detente) -> None:
    said = detente("judge", TEXT, "--title", "Two must go")
    assert said.code == 0
    for shown in ("Relevance: core", "RUS → USA: adversarial -1.00", "-2 (0.92)", "Two must go"):
        assert shown in said.out


def test_another_language_is_not_judged(detente: Detente) -> None:
    text = "Дипломаты России и США встретились в Стамбуле, чтобы обсудить работу посольств."
    said = detente("judge", "--json", stdin=text).json
    assert (said["relevance"], said["abstained"]) == (None, "language ru")
    assert (said["sentences"], said["dyads"]) == ([], {})
    assert "Not judged: language ru" in detente("judge", stdin=text).out


def test_the_page_of_an_address(detente: Detente, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETENTE_COLLECTORS__ALLOW_LOOPBACK", "true")
    with Newsroom() as newsroom:
        article = next(a for a in newsroom.articles if a.slug == "five-diplomats-ordered-out")
        said = detente("judge", "--json", stdin=f"{newsroom.url}{article.path}\n").json
        missing = detente("judge", f"{newsroom.url}/nothing")
    assert said["relevance"]["label"] == "core"
    assert len(said["sentences"]) > 5
    assert (missing.code, "404" in missing.err) == (1, True)


def test_nothing_to_judge(detente: Detente) -> None:
    said = detente("judge", stdin="  \n")
    assert (said.code, "nothing to judge" in said.err) == (2, True)


def test_lines_go_in_and_come_out_in_order(detente: Detente) -> None:
    rows = [{"id": f"n{n}", "title": "", "text": TEXT, "lang": "en"} for n in range(150)]
    said = detente("judge", "--jsonl", stdin=lines(*rows)).lines
    assert [one["id"] for one in said] == [row["id"] for row in rows]
    for one in said:
        assert set(one) >= {"id", "relevance", "sentences", "dyads", "model"}
        for sentence in one["sentences"]:
            assert set(sentence) >= {"start", "end", "stance"}
            assert set(sentence["stance"]) == {"USA>RUS", "RUS>USA"}
            for direction in sentence["stance"].values():
                assert direction["label"] in LABELS
                assert 0 <= direction["confidence"] <= 1


def test_unsplit_each_text_is_one_sentence(detente: Detente) -> None:
    rows = [
        {"id": 1, "title": "A title", "text": f"  {TEXT} "},
        {"id": 2, "text": "It rained here."},
    ]
    first, second = detente("judge", "--jsonl", "--no-split", stdin=lines(*rows)).lines
    assert [(s["start"], s["end"]) for s in first["sentences"]] == [(2, 2 + len(TEXT))]
    assert "title" not in first
    # What the gate would spare the model in the pipeline is judged here all the same.
    assert second["relevance"]["label"] == "none"
    assert len(second["sentences"]) == 1


def test_the_source_says_whose_we_it_is(detente: Detente) -> None:
    row = {
        "id": 1,
        "text": "We condemn the seizure of our property by Moscow.",
        "source": "state.gov",
    }
    (said,) = detente("judge", "--jsonl", "--no-split", stdin=lines(row)).lines
    assert said["sentences"][0]["stance"]["USA>RUS"]["label"] == "-1"
    assert detente("judge", "--source", "kremlin.ru", "--json", stdin=TEXT).code == 0


def test_bad_lines_are_named_and_the_rest_is_judged(detente: Detente) -> None:
    stdin = '{"id": 1, "text": "Moscow thanked Washington."}\n\nnot json\n[1]\n'
    stdin += '{"id": 4, "text": 5}\n{"id": 5}\n{"id": 6, "title": "Moscow thanked Washington"}\n'
    said = detente("judge", "--jsonl", stdin=stdin)
    assert said.code == 1
    assert [(one.get("id"), one.get("line")) for one in said.lines] == [
        (1, None),
        (None, 3),
        (None, 4),
        (4, 5),
        (5, 6),
        (6, None),
    ]
    assert "$.text" in said.lines[3]["error"]
    assert "4 lines could not be read" in said.err


def test_a_model_that_cant_be_had_says_how_to_mend(detente: Detente, tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    said = detente("judge", "--model", str(tmp_path / "no-model"), stdin=TEXT)
    assert said.code == 2
    assert "Traceback" not in said.err
    assert 'set the model to "shipped"' in said.err
