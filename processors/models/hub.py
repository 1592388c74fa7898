"""Any Hugging Face sequence-classification model in the shipped one's place (extra `hub`)."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import structlog

from detente.errors import ConfigError
from processors.models.base import HEADS, RELEVANCE, STANCE_HEADS, ModelIdentity, Passage, Scores
from processors.models.encoding import voice_words
from processors.models.hublabels import HYPOTHESES, Direct, Inference, read_labels
from processors.models.manifest import digest

SIDES: Final = ("the United States", "Russia")
"""How hypotheses name the watch's first and second side."""

LONGEST: Final = 512
"""Tokens read at most, whatever a tokenizer allows (some claim to have no limit)."""

TOKEN_CHARACTERS: Final = 16
"""So many characters a token are read at most; the words of a language have far fewer."""

CHUNK_PASSAGES: Final = 512

_FILES: Final = ("*.safetensors", "*.bin", "*.json", "*.txt", "*.model")

_log = structlog.get_logger(__name__)


class HubClassifier:
    """Judges with the Hugging Face model `name`, or the one in the local folder `name`.

    Which heads it has follows from its labels (see `hublabels`). A model with our own labels gets
    the context as second segment; a sentiment or inference model gets the text alone. `truncated`
    counts the passages whose text was cut since loading.
    """

    def __init__(self, name: str, *, sides: tuple[str, str] = SIDES) -> None:
        self._name = name
        self._sides = sides
        self._loading = threading.Lock()
        self._loaded: _Loaded | None = None
        self.truncated = 0

    @property
    def identity(self) -> ModelIdentity:
        """The name as given, and the revision of the model's files; loads them."""
        return self._load().identity

    @property
    def heads(self) -> Mapping[str, tuple[str, ...]]:
        """The heads that the model's labels make, with all labels of each; loads it."""
        return {head: HEADS[head] for head in self._load().heads}

    weights = None

    def warm_up(self) -> None:
        """Load the model; do nothing if it is loaded.

        Raises `ConfigError` when torch isn't installed, the model can't be had, or its labels
        can't be mapped.
        """
        self._load()

    def classify(self, passages: Sequence[Passage]) -> Sequence[Scores]:
        """Judge each passage, in order. Texts longer than the model reads are cut and counted."""
        loaded = self._load()
        scores: list[Scores] = []
        for start in range(0, len(passages), CHUNK_PASSAGES):
            chunk = passages[start : start + CHUNK_PASSAGES]
            if cut := loaded.cut(chunk):
                self.truncated += cut
                _log.info("texts cut to the model's length", passages=cut, model=self._name)
            scores += loaded.judge(chunk, self._sides)
        return scores

    def _load(self) -> _Loaded:
        with self._loading:
            if self._loaded is None:
                self._loaded = _Loaded(self._name)
            return self._loaded


class _Loaded:
    """The model's parts and what its labels mean."""

    def __init__(self, name: str) -> None:
        try:
            import torch
        except ImportError:
            raise ConfigError(
                f"the model {name} needs torch, which isn't installed: "
                "pip install 'detente[hub]', or set the model to \"shipped\""
            ) from None
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        self._torch = torch
        folder = _folder(name)
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(folder)
            self._model: Any = AutoModelForSequenceClassification.from_pretrained(folder).eval()
        except Exception as error:  # those of its parts (safetensors) have no common base
            raise ConfigError(
                f"the model {name} can't be loaded as a sequence classifier: {error}"
            ) from error
        config = self._model.config
        self._meaning = read_labels(name, config.id2label)
        # Some positions are taken by padding (RoBERTa): a tokenizer's own limit knows of that.
        positions = getattr(config, "max_position_embeddings", LONGEST)
        self._longest = min(LONGEST, positions, self._tokenizer.model_max_length)
        self.identity = ModelIdentity(name, _revision(folder))

    @property
    def heads(self) -> Sequence[str]:
        if isinstance(self._meaning, Inference):
            return tuple(HEADS)
        return tuple(head for head in HEADS if head in self._meaning.heads)

    def cut(self, passages: Sequence[Passage]) -> int:
        """How many of the texts, without any second segment, don't fit."""
        encoded = self._tokenizer([passage.text for passage in passages], verbose=False)
        return sum(len(ids) > self._longest for ids in encoded["input_ids"])

    def judge(self, passages: Sequence[Passage], sides: tuple[str, str]) -> list[Scores]:
        texts = [passage.text for passage in passages]
        if isinstance(self._meaning, Inference):
            return self._infer(texts, self._meaning.entailment, sides)
        seconds = [_second(passage) if self._meaning.ours else "" for passage in passages]
        return [_direct(row, self._meaning) for row in self._logits(texts, seconds)]

    def _infer(self, texts: list[str], place: int, sides: tuple[str, str]) -> list[Scores]:
        claims: dict[tuple[str, str], list[float]] = {}
        for key, hypothesis in HYPOTHESES.items():
            asked = hypothesis.format(a=sides[0], b=sides[1])
            rows = self._logits(texts, [asked] * len(texts))
            claims[key] = [_softmax(row)[place] for row in rows]
        return [
            _inferred({key: values[row] for key, values in claims.items()})
            for row in range(len(texts))
        ]

    def _logits(self, texts: list[str], seconds: list[str]) -> list[list[float]]:
        """One passage a run: in a batch its scores would depend, if ever so little, on the others
        and on padding, and an article that is delivered again would be judged otherwise."""
        rows: list[list[float]] = []
        for text, second in zip(texts, seconds, strict=True):
            inputs = self._encode(text, second)
            with self._torch.inference_mode():
                rows += self._model(**inputs).logits.float().tolist()
        return rows

    def _encode(self, text: str, second: str) -> Mapping[str, Any]:
        # To cut a pair to the token costs the tokenizer the product of their lengths.
        most = self._longest * TOKEN_CHARACTERS
        encoded: Mapping[str, Any] = self._tokenizer(
            text[:most],
            second[:most] or None,
            truncation="longest_first",
            max_length=self._longest,
            verbose=False,
            return_tensors="pt",
        )
        return encoded


def _second(passage: Passage) -> str:
    words = voice_words(passage.voice)
    return f"{words}: {passage.context}" if words else passage.context


def _direct(row: Sequence[float], meaning: Direct) -> Scores:
    scores = {}
    for head, places in meaning.heads.items():
        known = dict(zip(places, _softmax([row[place] for place in places.values()]), strict=True))
        scores[head] = {label: known.get(label, 0.0) for label in HEADS[head]}
    return scores


def _inferred(claims: Mapping[tuple[str, str], float]) -> Scores:
    scores = {RELEVANCE: _rest({"core": claims[RELEVANCE, "core"]}, RELEVANCE, "none")}
    for head in STANCE_HEADS:
        scores[head] = _rest({label: claims[head, label] for label in ("1", "-1")}, head, "n")
    return scores


def _rest(claimed: dict[str, float], head: str, other: str) -> dict[str, float]:
    """The claims as probabilities of a head; what none of them claims goes to `other`."""
    left = 1.0
    for probability in claimed.values():
        left *= 1 - probability
    total = left + sum(claimed.values())
    shares = {**claimed, other: left}
    return {label: shares.get(label, 0.0) / total for label in HEADS[head]}


def _softmax(logits: Sequence[float]) -> list[float]:
    import numpy as np

    shifted = np.exp(np.asarray(logits) - max(logits))
    return [float(value) for value in shifted / shifted.sum()]


def _folder(name: str) -> Path:
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=list(_FILES)))
    except Exception as error:  # its errors for a bad name, no network and no such model differ
        raise ConfigError(
            f"{name} is neither a folder here nor a model that could be fetched from the Hugging "
            f'Face hub ({error}); give the folder of a model, or set the model to "shipped"'
        ) from error


def _revision(folder: Path) -> str:
    found = sorted({path for pattern in _FILES for path in folder.glob(pattern)})
    whole = hashlib.sha256()
    for path in found:
        whole.update(f"{path.name} {digest(path)}\n".encode())
    return whole.hexdigest()[:12]
