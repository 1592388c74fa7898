"""The shipped model: the contract, and refusal of files that aren't what they should be.

Nothing here depends on what the model has learnt.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from detente.errors import ConfigError
from processors.models import Passage, open_classifier
from processors.models.base import ALL_HEADS
from processors.models.manifest import MANIFEST, MODEL, TOKENIZER, digest, read_manifest
from processors.models.onnx import SHIPPED, OnnxClassifier
from tests.contracts.classifier import PASSAGES, ClassifierContract, Make

pytestmark = pytest.mark.skipif(
    not (SHIPPED / MANIFEST).is_file(), reason="the shipped model's files aren't here"
)


class TestOnnxClassifier(ClassifierContract):
    @pytest.fixture
    def make(self) -> Make:
        return lambda: OnnxClassifier(threads=2)


def folder_with(folder: Path, files: Mapping[str, bytes]) -> Path:
    """The shipped model's folder with some files replaced, and a manifest that knows of it."""
    manifest = json.loads((SHIPPED / MANIFEST).read_bytes())
    for name in manifest["files"]:
        if name in files:
            (folder / name).write_bytes(files[name])
        else:
            (folder / name).symlink_to(SHIPPED / name)
        manifest["files"][name] = digest(folder / name)
    (folder / MANIFEST).write_text(json.dumps(manifest), "utf-8")
    return folder


def message(*fields: tuple[int, bytes | str | int]) -> bytes:
    """A protobuf message, for an ONNX file of our own without the package that writes them."""
    parts = b""
    for number, value in fields:
        if isinstance(value, int):
            parts += bytes([number << 3, value])
        else:
            data = value.encode() if isinstance(value, str) else value
            parts += bytes([number << 3 | 2, len(data)]) + data
    return parts


def doubling_model() -> bytes:
    """`y = x + x` on one number: a valid model, but not ours."""
    shape = message((1, message((1, 1))))
    kind = message((1, message((1, 1), (2, shape))))
    node = message((1, "x"), (1, "x"), (2, "y"), (4, "Add"))
    ends = ((11, message((1, "x"), (2, kind))), (12, message((1, "y"), (2, kind))))
    graph = message((1, node), (2, "g"), *ends)
    return message((1, 8), (8, message((1, ""), (2, 13))), (7, graph))


def test_a_model_that_takes_and_gives_something_else_is_refused(tmp_path: Path) -> None:
    classifier = OnnxClassifier(folder_with(tmp_path, {MODEL: doubling_model()}))
    with pytest.raises(ConfigError) as caught:
        classifier.warm_up()
    takes, gives = caught.value.problems
    assert "takes ['x'], not" in takes
    width = sum(map(len, ALL_HEADS.values()))
    assert f"gives [[1]], not one row of {width} logits" in gives


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({MODEL: b"no model"}, "ONNX Runtime can't open"),
        ({MODEL: b""}, "ONNX Runtime can't open"),
        ({TOKENIZER: b"{}"}, "is no tokenizer"),
        ({TOKENIZER: b"\xff"}, "is no tokenizer"),
    ],
)
def test_files_that_are_none(tmp_path: Path, files: dict[str, bytes], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        OnnxClassifier(folder_with(tmp_path, files)).classify(PASSAGES)


def test_a_damaged_file_is_refused_by_its_hash(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, {TOKENIZER: b"{}"})
    (folder / TOKENIZER).write_bytes(b"{ }")
    with pytest.raises(ConfigError, match="isn't the file that was measured"):
        OnnxClassifier(folder).warm_up()


def test_nothing_is_loaded_before_its_use(tmp_path: Path) -> None:
    classifier = OnnxClassifier(tmp_path / "nowhere")
    for _ in range(2):
        with pytest.raises(ConfigError, match="missing"):
            _ = classifier.heads
    folder_with(tmp_path, {})
    # What was mended after a failure is found: nothing broken is kept.
    healed = OnnxClassifier(tmp_path)
    healed.warm_up()
    assert healed.heads == read_manifest(tmp_path).heads


def test_a_copy_of_the_folder_is_the_same_model(tmp_path: Path) -> None:
    for name in (MANIFEST, MODEL, TOKENIZER):
        (tmp_path / name).symlink_to(SHIPPED / name)
    assert OnnxClassifier(tmp_path).identity == OnnxClassifier().identity


def test_long_texts_are_cut_and_counted() -> None:
    classifier = OnnxClassifier(threads=1)
    classifier.classify([Passage("short"), Passage("long " * 1_000), Passage("long " * 2_000)])
    assert classifier.truncated == 2
    classifier.classify([Passage("long " * 1_000), Passage("a", context="long " * 1_000)])
    assert classifier.truncated == 3


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_threads_and_chunks_change_nothing(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = OnnxClassifier(threads=1).classify(PASSAGES)
    monkeypatch.setattr("processors.models.onnx.CHUNK_PASSAGES", 2)
    assert OnnxClassifier(threads=threads).classify(PASSAGES) == expected


def test_where_the_cores_of_this_process_are_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    assert OnnxClassifier(threads=0).classify(PASSAGES[:1])


def test_it_is_opened_by_its_name() -> None:
    assert open_classifier("shipped", threads=1).identity == OnnxClassifier().identity
