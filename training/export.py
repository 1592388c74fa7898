"""Trained weights to the shipped files: `python -m training.export RUN --base FOLDER`.

ONNX, then int8 by dynamic quantization (weights per channel), then the temperatures, set on the
held part of the training documents by the int8 model itself, then `model.json`.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.shape_inference import quant_pre_process

from processors.models.base import ALL_HEADS, ISSUES, RELEVANCE, issue_head
from processors.models.encoding import Encoded
from processors.models.manifest import MANIFEST, MODEL, TOKENIZER, Manifest, digest
from processors.models.onnx import SHIPPED, OnnxClassifier
from training.bases import minilm
from training.batches import UNSAID, sentence_labels
from training.labelled import data_folder, label_index, load_documents, load_sentences
from training.network import Network, padded

NAME = "detente-minilm"
BASE = "sentence-transformers/all-MiniLM-L6-v2"
FP32 = "model.fp32.onnx"
OPSET = 17
LARGEST = 30_000_000


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
        manifest = msgspec.structs.replace(manifest, temperatures=_temperatures(folder, data))
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


def _temperatures(folder: Path, data: Path) -> dict[str, float]:
    """Per head, the temperature with the least loss on the held part (a grid from 0.5 to 3); one
    for all issues together, of which many are rare there."""
    classifier = OnnxClassifier(folder)
    sentences = [one for one in load_sentences(data) if one.split == "held"]
    documents = [one for one in load_documents(data) if one.split == "held"]
    places = sentence_labels(sentences)
    judged = dict.fromkeys(places, classifier.classify([one.passage() for one in sentences]))
    places[RELEVANCE] = torch.tensor([label_index(one) for one in documents])
    judged[RELEVANCE] = classifier.classify([one.passages()[0] for one in documents])
    logits, truths = {}, {}
    for head, labels in ALL_HEADS.items():
        said = (places[head] != UNSAID).numpy()
        rows = [[scores[head][label] for label in labels] for scores in judged[head]]
        logits[head] = np.log(np.array(rows)[said] + 1e-12)
        truths[head] = places[head].numpy()[said]
    issues = [issue_head(issue) for issue in ISSUES]
    together = [[head] for head in ALL_HEADS if head not in issues] + [issues]
    best = {}
    for heads in together:
        rows = np.concatenate([logits[head] for head in heads])
        truth = np.concatenate([truths[head] for head in heads])
        grid = np.arange(0.5, 3.05, 0.05)
        value = min(grid, key=lambda one: _loss(rows / one, truth))
        best |= dict.fromkeys(heads, round(float(value), 2))
    return best


def _loss(logits: np.ndarray, truth: np.ndarray) -> float:
    normal = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    return float(-normal[np.arange(len(truth)), truth].mean())


if __name__ == "__main__":
    main()
