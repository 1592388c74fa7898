"""The shipped model: an int8 encoder with three heads, run by ONNX Runtime on the processor.

One passage a run, and as many runs side by side as there are threads. The int8 model scales what
it multiplies by the largest value in sight: run in a batch, a passage's scores would depend on its
neighbours and on padding (one label in thirty did), and an article that is delivered again would
be judged otherwise. Single runs side by side need no padding and are as fast
(docs/decisions/0004-the-model.md).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog

from detente.errors import ConfigError
from processors.models.base import ModelIdentity, Passage, Scores, Weights
from processors.models.encoding import Encoded, Encoder
from processors.models.manifest import MODEL, TOKENIZER, Manifest, read_manifest, revision_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHIPPED: Final = Path(__file__).parent / "shipped"

CHUNK_PASSAGES: Final = 4096
"""How many passages are tokenized at once, which bounds memory."""

_INPUTS: Final = ("input_ids", "attention_mask", "token_type_ids")

_log = structlog.get_logger(__name__)


class OnnxClassifier:
    """Judges with the model in `folder`, by default the shipped one.

    `threads` is how many passages are judged side by side; 0 is one for each core. `truncated`
    counts the passages whose text was cut since loading. Safe to share between threads. A
    passage's scores depend on nothing but itself.
    """

    def __init__(self, folder: Path | None = None, *, threads: int = 0) -> None:
        self._folder = folder or SHIPPED
        self._threads = threads
        self._loading = threading.Lock()
        self._loaded: _Loaded | None = None
        self.truncated = 0

    @property
    def identity(self) -> ModelIdentity:
        """Name and revision of the files; loads them."""
        return self._load().identity

    @property
    def heads(self) -> Mapping[str, tuple[str, ...]]:
        """The model's heads and their labels, in its own order; loads it."""
        return self._load().manifest.heads

    @property
    def weights(self) -> Weights | None:
        """What the manifest says of how a document's relevance is made; loads the files."""
        return self._load().manifest.weights

    def warm_up(self) -> None:
        """Load and check the model; do nothing if it is loaded.

        Raises `ConfigError` when files are missing, damaged or not what `model.json` says.
        """
        self._load()

    def classify(self, passages: Sequence[Passage]) -> Sequence[Scores]:
        """Judge each passage, in order. Texts longer than the model reads are cut and counted."""
        loaded = self._load()
        scores: list[Scores] = []
        for start in range(0, len(passages), CHUNK_PASSAGES):
            encoded = loaded.encoder.encode(passages[start : start + CHUNK_PASSAGES])
            self._count_cut(encoded)
            scores += loaded.judge(encoded)
        return scores

    def _count_cut(self, encoded: Sequence[Encoded]) -> None:
        cut = [one.cut for one in encoded if one.cut]
        if cut:
            self.truncated += len(cut)
            _log.info("texts cut to the model's length", passages=len(cut), tokens=sum(cut))

    def _load(self) -> _Loaded:
        with self._loading:
            if self._loaded is None:
                self._loaded = _Loaded(self._folder, self._threads)
            return self._loaded


class _Loaded:
    """The model's parts, checked against its manifest."""

    def __init__(self, folder: Path, threads: int) -> None:
        self.manifest = read_manifest(folder)
        self.identity = ModelIdentity(self.manifest.name, revision_of(folder, self.manifest.files))
        self._session = _open_session(folder / MODEL)
        _check_session(self._session, self.manifest, folder)
        self.encoder = _open_encoder(folder / TOKENIZER, self.manifest)
        self._workers = ThreadPoolExecutor(threads or _cores(), "encoder")
        self._parts = list(_parts(self.manifest))
        self._scales, self._biases = _calibration(self.manifest)

    def judge(self, encoded: Sequence[Encoded]) -> list[Scores]:
        """Longest first, so that the last ones to end are short and no worker waits long."""
        order = sorted(range(len(encoded)), key=lambda place: -len(encoded[place].ids))
        runs = self._workers.map(lambda place: self._judge_one(encoded[place]), order)
        scores = dict(zip(order, runs, strict=True))
        return [scores[place] for place in range(len(encoded))]

    def _judge_one(self, encoded: Encoded) -> Scores:
        (logits,) = self._session.run(None, _inputs(encoded))
        scaled = logits[0] * self._scales + self._biases
        return {
            head: dict(zip(labels, _softmax(scaled[part]), strict=True))
            for (head, labels), part in zip(self.manifest.heads.items(), self._parts, strict=True)
        }


def _cores() -> int:
    """The cores that this process may use, which in a container are fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _open_session(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(
            str(path), sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # ONNX Runtime raises classes of its C++ side without a common base
        raise ConfigError(f"ONNX Runtime can't open {path}: {error}") from error


def _check_session(session: Any, manifest: Manifest, folder: Path) -> None:
    problems = []
    inputs = {one.name for one in session.get_inputs()}
    if inputs != set(_INPUTS):
        problems.append(f"takes {sorted(inputs)}, not {sorted(_INPUTS)}")
    width = sum(len(labels) for labels in manifest.heads.values())
    shapes = [one.shape for one in session.get_outputs()]
    if len(shapes) != 1 or shapes[0][-1] != width:
        problems.append(f"gives {shapes}, not one row of {width} logits a passage")
    if problems:
        raise ConfigError([f"{folder / MODEL} {problem}" for problem in problems])


def _open_encoder(path: Path, manifest: Manifest) -> Encoder:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises bare Exception
        raise ConfigError(f"{path} is no tokenizer: {error}") from error
    return Encoder(tokenizer, max_tokens=manifest.max_tokens, max_context=manifest.max_context)


def _parts(manifest: Manifest) -> Iterator[slice]:
    """Where each head's logits are among the model's outputs."""
    start = 0
    for labels in manifest.heads.values():
        yield slice(start, start + len(labels))
        start += len(labels)


def _calibration(manifest: Manifest) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What every logit is multiplied by, and what is added to it then."""
    import numpy as np

    scales: list[float] = []
    biases: list[float] = []
    for head, labels in manifest.heads.items():
        scales += [1 / manifest.temperatures[head]] * len(labels)
        biases += manifest.biases.get(head, (0.0,) * len(labels))
    return np.array(scales, dtype=np.float32), np.array(biases, dtype=np.float32)


def _inputs(encoded: Encoded) -> dict[str, NDArray[np.int64]]:
    import numpy as np

    rows = (encoded.ids, [1] * len(encoded.ids), encoded.segments)
    return {name: np.array([row], dtype=np.int64) for name, row in zip(_INPUTS, rows, strict=True)}


def _softmax(logits: NDArray[np.float32]) -> list[float]:
    import numpy as np

    shifted = np.exp(logits.astype(np.float64) - logits.max())
    return [float(value) for value in shifted / shifted.sum()]
