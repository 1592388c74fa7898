"""`model.json`: what departs from it is refused, with every problem and how to mend it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from detente.errors import ConfigError
from processors.models.base import HEADS
from processors.models.manifest import (
    MANIFEST,
    MODEL,
    TOKENIZER,
    digest,
    read_manifest,
    revision_of,
)


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model folder whose manifest is right."""
    (tmp_path / MODEL).write_bytes(b"model")
    (tmp_path / TOKENIZER).write_bytes(b"tokenizer")
    write(tmp_path)
    return tmp_path


def write(folder: Path, **changes: Any) -> None:
    values: dict[str, Any] = {
        "name": "sample",
        "base": "sample-base",
        "heads": {head: list(labels) for head, labels in HEADS.items()},
        "max_tokens": 256,
        "max_context": 80,
        "temperatures": dict.fromkeys(HEADS, 1.5),
        "files": {MODEL: sha(b"model"), TOKENIZER: sha(b"tokenizer")},
    }
    values.update(changes)
    kept = {name: value for name, value in values.items() if value is not None}
    (folder / MANIFEST).write_text(json.dumps(kept), "utf-8")


def problems(folder: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        read_manifest(folder)
    assert all(str(folder / MANIFEST) in problem for problem in caught.value.problems)
    return "\n".join(caught.value.problems)


def test_a_folder_as_it_should_be(folder: Path) -> None:
    manifest = read_manifest(folder)
    assert manifest.name == "sample"
    assert manifest.heads == HEADS


def test_the_order_of_labels_is_the_models_own(folder: Path) -> None:
    turned = {head: list(labels[::-1]) for head, labels in HEADS.items()}
    write(folder, heads=turned)
    assert {head: list(labels) for head, labels in read_manifest(folder).heads.items()} == turned


def test_a_missing_manifest(tmp_path: Path) -> None:
    assert "is missing: reinstall" in problems(tmp_path)
    assert "is missing: reinstall" in problems(tmp_path / "no such folder")


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff\xfe", b'{"name": 5}', b"null"])
def test_a_damaged_manifest(folder: Path, data: bytes) -> None:
    (folder / MANIFEST).write_bytes(data)
    assert "can't be read" in problems(folder)


@pytest.mark.parametrize("change", [{"name": None}, {"files": None}, {"surprise": 1}])
def test_a_manifest_of_another_kind(folder: Path, change: dict[str, Any]) -> None:
    write(folder, **change)
    assert "can't be read" in problems(folder)


def test_a_manifest_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).mkdir()
    assert "can't be read" in problems(tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"heads": {**HEADS, "mood": ["good", "bad"]}}, "unknown head 'mood'; known are relevance"),
        ({"heads": {**HEADS, "A>B": ["2", "1", "n"]}}, "head 'A>B' has labels ('2', '1', 'n')"),
        ({"heads": {**HEADS, "relevance": ["core", "core", "none"]}}, "head 'relevance' has"),
        ({"heads": {"relevance": HEADS["relevance"]}}, "head 'B>A' is missing"),
        ({"biases": {"relevance": [0.5, 0.1]}}, "head 'relevance' has 2 biases for 3 labels"),
        ({"temperatures": {"relevance": 1.0, "A>B": 0.0}}, "head 'A>B' has no temperature above 0"),
        ({"temperatures": {}}, "head 'B>A' has no temperature"),
        ({"max_tokens": 4, "max_context": 0}, "max_tokens must be at least 8"),
        ({"max_context": 256}, "max_context below it"),
        ({"max_context": -1}, "max_context below it"),
        ({"files": {MODEL: sha(b"model")}}, f"{TOKENIZER} isn't listed"),
        ({"files": {}}, f"{MODEL} isn't listed"),
    ],
)
def test_what_a_manifest_must_hold(folder: Path, change: dict[str, Any], said: str) -> None:
    write(folder, **change)
    assert said in problems(folder)


def test_files_that_are_not_those_that_were_measured(folder: Path) -> None:
    (folder / MODEL).write_bytes(b"mode1")
    said = problems(folder)
    assert f"{MODEL} isn't the file that was measured" in said
    assert f"SHA-256 {sha(b'mode1')[:12]}…, expected {sha(b'model')[:12]}…" in said
    assert "fetched whole" in said


def test_a_missing_file(folder: Path) -> None:
    (folder / TOKENIZER).unlink()
    assert f"{TOKENIZER} is missing: reinstall" in problems(folder)


def test_every_problem_at_once(folder: Path) -> None:
    (folder / MODEL).write_bytes(b"")
    (folder / TOKENIZER).unlink()
    write(folder, heads={"mood": ["good"]}, temperatures={}, max_tokens=1)
    with pytest.raises(ConfigError) as caught:
        read_manifest(folder)
    said = "\n".join(caught.value.problems)
    for part in ("'mood'", "no temperature", "'relevance' is missing", "'A>B' is missing"):
        assert part in said
    for part in ("max_tokens", f"{MODEL} isn't the file", f"{TOKENIZER} is missing"):
        assert part in said
    assert len(caught.value.problems) == 8


def test_the_revision_is_of_every_file_and_the_manifest(folder: Path) -> None:
    def revision() -> str:
        return revision_of(folder, read_manifest(folder).files)

    first = revision()
    assert revision() == first
    assert len(first) == 12
    write(folder, max_context=79)
    second = revision()
    (folder / MODEL).write_bytes(b"other")
    write(folder, max_context=79, files={MODEL: sha(b"other"), TOKENIZER: sha(b"tokenizer")})
    assert len({first, second, revision()}) == 3


def test_the_digest_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 3_000_000)
    assert digest(tmp_path / "large") == sha(b"x" * 3_000_000)
