"""What a trained teacher says of every sentence to learn from: `python -m training.teach RUN`.

Of the labelled sentences to learn from and of unlabelled ones, for `training.train --taught`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from training.bases import mpnet
from training.labelled import data_folder, load_sentences
from training.taught import write_taught
from training.torchrun import TorchReader
from training.unlabelled import load_unlabelled


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="what training.train --teacher wrote")
    parser.add_argument("--base", type=Path, help="folder of the teacher's base weights")
    parser.add_argument("--data", help="the labelled text (default: DETENTE_DATA, ../shared/data)")
    parser.add_argument("--out", type=Path, default=Path("var/training/taught.npz"))
    options = parser.parse_args(arguments)
    data = data_folder(options.data)
    sentences = [one for one in load_sentences(data) if one.split == "train"]
    sentences += load_unlabelled(data)
    started = time.monotonic()
    passages = [one.passage() for one in sentences]
    probabilities = TorchReader(options.run, options.base or mpnet()).read(passages)
    write_taught(options.out, [one.id for one in sentences], probabilities)
    print(f"{options.out}: {len(sentences)} sentences, {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
