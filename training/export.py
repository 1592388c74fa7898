"""Trained weights to the shipped files: `python -m training.export RUN --base FOLDER`.

ONNX, then int8 by dynamic quantization (weights per channel), then the calibration and
the weights of a document's relevance, set on the held part of the training documents by the int8
model itself, then `model.json`.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.shape_inference import quant_pre_process
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import Tensor
from torch.nn import functional

from processors.models.base import (
    ALL_HEADS,
    ISSUES,
    RELEVANCE,
    RELEVANCE_LABELS,
    Weights,
    issue_head,
)
from processors.models.encoding import Encoded
from processors.models.manifest import MANIFEST, MODEL, TOKENIZER, Manifest, digest
from processors.models.onnx import SHIPPED, OnnxClassifier
from processors.weighing import features
from training.bases import minilm
from training.batches import UNSAID, sentence_labels
from training.labelled import data_folder, label_index, load_documents, load_sentences
from training.network import Network, padded

NAME = "detente-minilm"
BASE = "sentence-transformers/all-MiniLM-L6-v2"
FP32 = "model.fp32.onnx"
OPSET = 17
LARGEST = 30_000_000

WEIGHTS_PRIOR = 1.0
"""scikit-learn's `C` for the weights, as it is by default; the best of 0.03 to 10 in ten-fold
cross-validation on `held`."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="what training.train wrote")
    parser.add_argument("--base", type=Path, help="folder of the base encoder's weights")
    parser.add_argument("--data", help="the labelled text (default: DETENTE_DATA, ../shared/data)")
    parser.add_argument("--out", type=Path, default=SHIPPED)
    options = parser.parse_args(arguments)
    export(
        options.run, base=options.base or minilm(), data=data_folder(options.data), out=options.out
    )


def export(run: Path, *, base: Path, data: Path, out: Path) -> None:
    """Write the model's files to `out`; the fp32 model stays in `run`, to compare with."""
    recipe = msgspec.json.decode((run / "run.json").read_bytes())["recipe"]
    network = Network(base).eval()
    network.load_state_dict(torch.load(run / "weights.pt", weights_only=True))
    fp32 = run / FP32
    _to_onnx(network, fp32)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _quantize(fp32, folder / MODEL)
        shutil.copyfile(run / TOKENIZER, folder / TOKENIZER)
        size = (folder / MODEL).stat().st_size
        if size > LARGEST:
            raise SystemExit(f"the int8 model has {size} bytes, more than the {LARGEST} allowed")
        manifest = Manifest(
            name=NAME,
            base=BASE,
            heads=dict(ALL_HEADS),
            max_tokens=recipe["max_tokens"],
            max_context=recipe["max_context"],
            temperatures=dict.fromkeys(ALL_HEADS, 1.0),
            files={name: digest(folder / name) for name in (MODEL, TOKENIZER)},
        )
        _write(manifest, folder)
        found = _calibration(folder, data)
        manifest = msgspec.structs.replace(
            manifest, temperatures=found.temperatures, biases=found.biases
        )
        _write(manifest, folder)
        manifest = msgspec.structs.replace(manifest, weights=_weights(folder, data))
        _write(manifest, folder)
        out.mkdir(parents=True, exist_ok=True)
        for name in (MODEL, TOKENIZER, MANIFEST):
            shutil.copyfile(folder / name, out / name)
        # The same manifest for the fp32 model, so that both run through the same code.
        reference = run / "fp32"
        reference.mkdir(exist_ok=True)
        shutil.copyfile(fp32, reference / MODEL)
        shutil.copyfile(run / TOKENIZER, reference / TOKENIZER)
        files = {name: digest(reference / name) for name in (MODEL, TOKENIZER)}
        _write(msgspec.structs.replace(manifest, files=files), reference)
    print(f"{out}: {size / 1e6:.1f} MB, temperatures {manifest.temperatures}")


def _write(manifest: Manifest, folder: Path) -> None:
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    (folder / MANIFEST).write_bytes(text + b"\n")


def _to_onnx(network: Network, path: Path) -> None:
    example = padded(
        [Encoded([101, 2, 102, 3, 102], [0, 0, 0, 1, 1], 0), Encoded([101, 102], [0, 0], 0)]
    )
    axes = {0: "passages", 1: "tokens"}
    torch.onnx.export(
        network,
        tuple(example.values()),
        str(path),
        input_names=list(example),
        output_names=["logits"],
        dynamic_axes={**dict.fromkeys(example, axes), "logits": {0: "passages"}},
        opset_version=OPSET,
        dynamo=False,
    )


def _quantize(fp32: Path, int8: Path) -> None:
    prepared = int8.with_suffix(".prepared.onnx")
    quant_pre_process(str(fp32), str(prepared), skip_symbolic_shape=True)
    quantize_dynamic(
        str(prepared), str(int8), weight_type=QuantType.QInt8, per_channel=True, reduce_range=False
    )


class Calibration(NamedTuple):
    """What makes the probabilities right as often as they say, by head."""

    temperatures: dict[str, float]
    biases: dict[str, tuple[float, ...]]


def _calibration(folder: Path, data: Path) -> Calibration:
    """Per head, the temperature and the biases with the least loss on the held part (vector scaling
    with one temperature: Guo et al. 2017); one pair for all issues, of which many are rare there.

    The biases undo what the weights of rare labels did to the probabilities, too.
    """
    classifier = OnnxClassifier(folder)
    sentences = [one for one in load_sentences(data) if one.split == "held"]
    documents = [one for one in load_documents(data) if one.split == "held"]
    places = sentence_labels(sentences)
    judged = dict.fromkeys(places, classifier.classify([one.passage() for one in sentences]))
    places[RELEVANCE] = torch.tensor([label_index(one) for one in documents])
    judged[RELEVANCE] = classifier.classify([one.passages()[0] for one in documents])
    issues = [issue_head(issue) for issue in ISSUES]
    found = Calibration({}, {})
    for heads in [[head] for head in ALL_HEADS if head not in issues] + [issues]:
        logits, truth = [], []
        for head in heads:
            said = places[head] != UNSAID
            rows = [[scores[head][label] for label in ALL_HEADS[head]] for scores in judged[head]]
            logits.append(torch.tensor(rows)[said].clamp(min=1e-9).log())
            truth.append(places[head][said])
        temperature, biases = _fitted(torch.cat(logits), torch.cat(truth))
        for head in heads:
            found.temperatures[head] = temperature
            found.biases[head] = biases
    return found


def _fitted(logits: Tensor, truth: Tensor) -> tuple[float, tuple[float, ...]]:
    scale = torch.ones((), requires_grad=True)
    biases = torch.zeros(logits.shape[-1], requires_grad=True)
    search = torch.optim.LBFGS([scale, biases], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        search.zero_grad()
        scaled = logits * scale + biases
        # Hardly any labels, hardly any bias: a prior of a standard deviation of 1.
        value = functional.cross_entropy(scaled, truth) + (biases**2).sum() / (2 * len(truth))
        value.backward()
        return value

    search.step(loss)
    middle = biases.detach() - biases.detach().mean()
    temperature = min(5.0, max(0.2, 1 / float(scale.detach())))
    return round(temperature, 3), tuple(round(one, 3) for one in middle.tolist())


def _weights(folder: Path, data: Path) -> Weights:
    """What makes a document's relevance of all that is said of it: a logistic regression on the
    held documents, with their titles and without."""
    classifier = OnnxClassifier(folder)
    rows, truth = [], []
    for document in load_documents(data):
        if document.split == "held":
            for title in (True, False):
                reading = document.reading(title=title)
                rows.append(features(reading, classifier.classify(reading.all)))
                truth.append(label_index(document))
    scaler = StandardScaler().fit(rows)
    found = LogisticRegression(C=WEIGHTS_PRIOR, max_iter=1_000).fit(scaler.transform(rows), truth)
    # The scaling becomes a part of the weights.
    weights = found.coef_ / scaler.scale_
    biases = found.intercept_ - weights @ scaler.mean_
    return {
        label: tuple(round(float(value), 4) for value in (*row, bias))
        for label, row, bias in zip(RELEVANCE_LABELS, weights, biases, strict=True)
    }


if __name__ == "__main__":
    main()
