"""`model.json`: what the shipped files are, checked before they are used.

A model whose labels, limits or bytes aren't what its manifest says is refused: an index guessed
wrong would turn every judgement round without an error.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from detente.errors import ConfigError
from processors.models.base import ALL_HEADS, HEADS, RELEVANCE_LABELS, WEIGHED

MANIFEST: Final = "model.json"
MODEL: Final = "model.onnx"
TOKENIZER: Final = "tokenizer.json"

_MEND: Final = (
    "reinstall Détente, or rebuild the files (training/README.md); in a clone, check that the "
    "model's files were fetched whole"
)


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model folder's `model.json` says.

    `heads` are in the order of the model's outputs. A head's logits are divided by its temperature,
    and its biases added, one for each label, before the softmax. `weights` make a document's
    relevance (`processors.weighing`). `files` gives each other file's SHA-256.
    """

    name: str
    base: str
    heads: dict[str, tuple[str, ...]]
    max_tokens: int
    max_context: int
    temperatures: dict[str, float]
    biases: dict[str, tuple[float, ...]] = {}
    weights: dict[str, tuple[float, ...]] | None = None
    files: dict[str, str]


def read_manifest(folder: Path) -> Manifest:
    """Read a model folder's manifest and check the folder against it.

    Raises `ConfigError` with every problem found.
    """
    path = folder / MANIFEST
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise ConfigError(f"the model's manifest {path} is missing: {_MEND}") from None
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(f"the model's manifest {path} can't be read ({error}): {_MEND}") from None
    problems = [*_head_problems(manifest), *_file_problems(folder, manifest.files)]
    if problems:
        raise ConfigError([f"{path}: {problem}" for problem in problems])
    return manifest


def revision_of(folder: Path, names: Mapping[str, str]) -> str:
    """The first 12 hex digits of the SHA-256 over the model's files (name → SHA-256 of each) and
    the manifest, in the order of their names."""
    digests = {**names, MANIFEST: digest(folder / MANIFEST)}
    whole = hashlib.sha256()
    for name in sorted(digests):
        whole.update(f"{name} {digests[name]}\n".encode())
    return whole.hexdigest()[:12]


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _head_problems(manifest: Manifest) -> list[str]:
    problems = []
    for head, labels in manifest.heads.items():
        if head not in ALL_HEADS:
            problems.append(f"unknown head {head!r}; known are {', '.join(ALL_HEADS)}")
        elif sorted(labels) != sorted(ALL_HEADS[head]):
            problems.append(f"head {head!r} has labels {labels}, but must have {ALL_HEADS[head]}")
        if manifest.temperatures.get(head, 0.0) <= 0:
            problems.append(f"head {head!r} has no temperature above 0")
        if (biases := manifest.biases.get(head)) is not None and len(biases) != len(labels):
            problems.append(f"head {head!r} has {len(biases)} biases for {len(labels)} labels")
    if manifest.weights is not None and {
        label: len(row) for label, row in manifest.weights.items()
    } != dict.fromkeys(RELEVANCE_LABELS, WEIGHED):
        problems.append(f"weights must have {WEIGHED} numbers for each of {RELEVANCE_LABELS}")
    problems += [f"head {head!r} is missing" for head in HEADS if head not in manifest.heads]
    if manifest.max_tokens < 8 or not 0 <= manifest.max_context < manifest.max_tokens:
        problems.append("max_tokens must be at least 8, and max_context below it")
    return problems


def _file_problems(folder: Path, files: Mapping[str, str]) -> list[str]:
    problems = [
        f"{name} isn't listed under files" for name in (MODEL, TOKENIZER) if name not in files
    ]
    for name, expected in files.items():
        path = folder / name
        if not path.is_file():
            problems.append(f"{name} is missing: {_MEND}")
        elif (found := digest(path)) != expected:
            problems.append(
                f"{name} isn't the file that was measured "
                f"(SHA-256 {found[:12]}…, expected {expected[:12]}…): {_MEND}"
            )
    return problems
