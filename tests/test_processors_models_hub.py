"""Foreign models: the contract and each kind of labels, on tiny models made here (extra `hub`).

Their weights are random, from a fixed seed: what is tested is what becomes of their outputs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from detente.errors import ConfigError
from processors.models import HEADS, RELEVANCE, Passage, open_classifier
from processors.models.base import STANCE_HEADS, Classifier
from processors.models.hub import HubClassifier
from tests.contracts.classifier import PASSAGES, ClassifierContract, Make

needs_torch = pytest.mark.skipif(
    find_spec("torch") is None, reason="torch isn't installed (extra `hub`)"
)
hub = pytest.mark.hub

OURS = tuple(f"{head}:{label}" for head, labels in HEADS.items() for label in labels)
LABELS = {
    "ours": OURS,
    "relevance": ("none", "core", "peripheral"),
    "sentiment": ("negative", "neutral", "positive"),
    "inference": ("contradiction", "entailment", "neutral"),
}
LENGTH = 48

MakeFolder = Callable[..., Path]


@pytest.fixture(scope="module")
def make_folder(tmp_path_factory: pytest.TempPathFactory) -> MakeFolder:
    """Makes a model folder with these labels, once each."""
    made: dict[tuple[str, ...], Path] = {}

    def make(labels: tuple[str, ...]) -> Path:
        if labels not in made:
            made[labels] = tmp_path_factory.mktemp("model")
            save_model(made[labels], labels)
        return made[labels]

    return make


@pytest.fixture(autouse=True)
def one_core(request: pytest.FixtureRequest) -> None:
    """Threads that wait for each other cost more than such a tiny model's whole work."""
    if request.node.get_closest_marker("hub"):
        import torch

        torch.set_num_threads(1)


def save_model(folder: Path, labels: tuple[str, ...]) -> None:
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    signs = [chr(number) for number in range(33, 127)]
    vocabulary = [*marks, *signs, *(f"##{sign}" for sign in signs)]
    tokenizer = Tokenizer(
        models.WordPiece({word: i for i, word in enumerate(vocabulary)}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    make: Any = PreTrainedTokenizerFast
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]"}
    made = make(tokenizer_object=tokenizer, sep_token="[SEP]", **names)
    made.save_pretrained(folder)
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=LENGTH,
        initializer_range=0.6,
        id2label=dict(enumerate(labels)),
        label2id={label: i for i, label in enumerate(labels)},
    )
    BertForSequenceClassification(config).save_pretrained(folder)


@hub
@needs_torch
@pytest.mark.parametrize("kind", LABELS)
class TestHubClassifier(ClassifierContract):
    @pytest.fixture
    def make(self, kind: str, make_folder: MakeFolder) -> Make:
        folder = make_folder(LABELS[kind])
        return lambda: HubClassifier(str(folder))


def classifier(make_folder: MakeFolder, kind: str, **options: Any) -> HubClassifier:
    return HubClassifier(str(make_folder(LABELS[kind])), **options)


@hub
@needs_torch
def test_heads_follow_from_the_labels(make_folder: MakeFolder) -> None:
    heads = {kind: set(classifier(make_folder, kind).heads) for kind in LABELS}
    assert heads == {
        "ours": set(HEADS),
        "relevance": {RELEVANCE},
        "sentiment": set(STANCE_HEADS),
        "inference": set(HEADS),
    }


@hub
@needs_torch
def test_labels_a_kind_has_not_get_nothing(make_folder: MakeFolder) -> None:
    (sentiment,) = classifier(make_folder, "sentiment").classify(PASSAGES[:1])
    assert sentiment["A>B"] == sentiment["B>A"]
    assert {label for label, share in sentiment["A>B"].items() if share} == {"1", "0", "-1"}
    (inference,) = classifier(make_folder, "inference").classify(PASSAGES[:1])
    assert {label for label, share in inference["B>A"].items() if share} == {"1", "-1", "n"}
    assert {label for label, share in inference[RELEVANCE].items() if share} == {"core", "none"}


@hub
@needs_torch
def test_the_order_of_a_models_outputs_is_its_own(make_folder: MakeFolder, tmp_path: Path) -> None:
    """The same weights under labels in another order: the probabilities go with the labels."""
    for file in make_folder(LABELS["sentiment"]).iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text("utf-8"))
    config["id2label"] = {"0": "positive", "1": "neutral", "2": "negative"}
    (tmp_path / "config.json").write_text(json.dumps(config), "utf-8")
    (one,) = classifier(make_folder, "sentiment").classify(PASSAGES[:1])
    (other,) = HubClassifier(str(tmp_path)).classify(PASSAGES[:1])
    assert one["A>B"]["1"] == other["A>B"]["-1"] != one["A>B"]["-1"]


@hub
@needs_torch
@pytest.mark.parametrize(("kind", "heard"), [("ours", True), ("sentiment", False)])
def test_only_a_model_of_our_labels_reads_the_context(
    make_folder: MakeFolder, kind: str, heard: bool
) -> None:
    passages = [
        Passage("He came."),
        Passage("He came.", "They met."),
        Passage("He came.", "", "a.b"),
    ]
    plain, context, voice = classifier(make_folder, kind).classify(passages)
    assert (plain != context) is heard
    assert (plain != voice) is heard


@hub
@needs_torch
def test_an_inference_model_is_asked_about_the_sides(make_folder: MakeFolder) -> None:
    usual = classifier(make_folder, "inference")
    other = classifier(make_folder, "inference", sides=("Oz", "Ix"))
    mirrored = classifier(make_folder, "inference", sides=("Ix", "Oz"))
    assert usual.classify(PASSAGES) != other.classify(PASSAGES)
    for one, turned in zip(other.classify(PASSAGES), mirrored.classify(PASSAGES), strict=True):
        assert one["A>B"] == turned["B>A"]


@hub
@needs_torch
def test_long_texts_are_cut_and_counted(make_folder: MakeFolder) -> None:
    model = classifier(make_folder, "ours")
    model.classify([Passage("a b"), Passage("a " * (LENGTH - 2)), Passage("a " * (LENGTH - 1))])
    assert model.truncated == 1
    model.classify([Passage("a", context="b " * LENGTH)])
    assert model.truncated == 1


@hub
@needs_torch
def test_chunks_change_nothing(make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = classifier(make_folder, "ours").classify(PASSAGES)
    monkeypatch.setattr("processors.models.hub.CHUNK_PASSAGES", 2)
    assert classifier(make_folder, "ours").classify(PASSAGES) == expected


@hub
@needs_torch
def test_a_changed_file_is_another_revision(make_folder: MakeFolder, tmp_path: Path) -> None:
    for file in make_folder(LABELS["relevance"]).iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    before = HubClassifier(str(tmp_path)).identity
    assert before.name == str(tmp_path)
    assert before.revision == classifier(make_folder, "relevance").identity.revision
    config = tmp_path / "config.json"
    config.write_text(config.read_text("utf-8") + "\n", "utf-8")
    assert HubClassifier(str(tmp_path)).identity.revision != before.revision


BROKEN: Mapping[str, Callable[[Path], object]] = {
    "weights missing": lambda folder: (folder / "model.safetensors").unlink(),
    "weights damaged": lambda folder: (folder / "model.safetensors").write_bytes(b"damaged"),
    "weights cut": lambda folder: (folder / "model.safetensors").write_bytes(
        (folder / "model.safetensors").read_bytes()[:-100]
    ),
    "config missing": lambda folder: (folder / "config.json").unlink(),
    "config damaged": lambda folder: (folder / "config.json").write_bytes(b"{"),
    "tokenizer damaged": lambda folder: (folder / "tokenizer.json").write_bytes(b"{"),
}


@hub
@needs_torch
@pytest.mark.parametrize("fault", BROKEN)
def test_what_can_not_be_loaded_says_so(
    make_folder: MakeFolder, tmp_path: Path, fault: str
) -> None:
    for file in make_folder(LABELS["relevance"]).iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    BROKEN[fault](tmp_path)
    with pytest.raises(ConfigError, match="can't be loaded as a sequence classifier"):
        HubClassifier(str(tmp_path)).warm_up()


@hub
@needs_torch
def test_labels_that_mean_nothing_to_us_are_refused(make_folder: MakeFolder) -> None:
    folder = make_folder(("LABEL_0", "LABEL_1"))
    with pytest.raises(ConfigError, match="id2label"):
        HubClassifier(str(folder)).warm_up()


@hub
@needs_torch
def test_a_name_that_is_no_folder_is_fetched(
    make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fetching itself is replaced: no test reaches beyond this machine."""
    folder = make_folder(LABELS["relevance"])
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda name, **_: str(folder))
    model = HubClassifier("someone/some-model")
    assert model.identity.name == "someone/some-model"

    def unreachable(name: str, **_: object) -> str:
        raise OSError("no network")

    monkeypatch.setattr("huggingface_hub.snapshot_download", unreachable)
    with pytest.raises(ConfigError, match=r"neither a folder here nor.*no network"):
        HubClassifier("someone/other-model").warm_up()


@hub
@needs_torch
def test_the_shipped_model_fills_in_what_it_lacks(make_folder: MakeFolder) -> None:
    model: Classifier = open_classifier(str(make_folder(LABELS["sentiment"])), threads=1)
    assert set(model.heads) == set(HEADS)
    assert model.identity.name.endswith("+detente-minilm")


def test_without_torch_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ConfigError, match=r"detente\[hub\]"):
        HubClassifier("someone/some-model").warm_up()
