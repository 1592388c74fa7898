"""The base encoder's tokenizer, read without its own settings for padding and truncation."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer


def load_tokenizer(folder: Path) -> Tokenizer:
    """Load `tokenizer.json` of a model folder; the limits are `Encoder`'s business."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer
