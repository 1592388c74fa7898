"""The labelled text: read in place, made into passages as at run time, and split.

Three splits: `train` is learnt from; `held` (an eighth of the training documents, by hash of the
document) sets what training itself must choose, as the temperatures; `dev` is only ever evaluated.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from processors.models.base import RELEVANCE_LABELS, Passage
from processors.relevance import relevance_passages
from processors.stance import stance_passage

Split = Literal["train", "held", "dev"]

HOSTS = {"state": "state.gov", "kremlin": "kremlin.ru", "whitehouse": "whitehouse.gov"}
"""The voice of each source that is an official one; the rest are quoted or invented news."""

NEWS_HOST = "news.example"

NO_HEADER = "US news sentence"
"""What stands in the header of a sentence that came without its document."""

_RELEVANCE = {"2": "core", "1": "peripheral", "0": "none"}


class Document(NamedTuple):
    """A document with its relevance; `gold` marks the separately made evaluation labels."""

    id: str
    source: str
    title: str
    body: str
    voice: str
    relevance: str
    split: Split
    gold: bool = False

    def passages(
        self, *, title: bool = True, body: bool = True, voice: bool = True
    ) -> tuple[Passage, ...]:
        """The passages for this document, with some of its parts left out."""
        return relevance_passages(
            self.title if title else "",
            self.body if body else "",
            voice=self.voice if voice else "",
        )


class Sentence(NamedTuple):
    """A sentence with its stance in both directions (A is the United States, B is Russia)."""

    id: str
    source: str
    text: str
    previous: str
    title: str
    voice: str
    labels: tuple[str, str]
    split: Split

    def passage(self, *, context: bool = True, voice: bool = True) -> Passage:
        """The passage for this sentence, with some of its parts left out."""
        return stance_passage(
            self.text,
            previous=self.previous if context else "",
            title=self.title if context else "",
            voice=self.voice if voice else "",
        )

    @property
    def synthetic(self) -> bool:
        """Whether the sentence was invented for the data set."""
        return self.source.startswith("synthetic")


def data_folder(option: str | None = None) -> Path:
    """Where the labelled text is: the option, else DETENTE_DATA, else ../shared/data."""
    folder = Path(option or os.environ.get("DETENTE_DATA") or "../shared/data")
    if not (folder / "dyad_stance").is_dir():
        raise SystemExit(f"no labelled text in {folder}: name its folder by --data or DETENTE_DATA")
    return folder


def load_sentences(folder: Path) -> list[Sentence]:
    """All stance sentences, in file order."""
    found: list[Sentence] = []
    for part in ("train", "dev"):
        for row in _json_lines(folder / "dyad_stance" / f"{part}.jsonl"):
            title = "" if row["header"] == NO_HEADER else row["header"].split(" | ")[0]
            found.append(
                Sentence(
                    id=row["id"],
                    source=row["source"],
                    text=row["text"],
                    previous=row["prev"],
                    title=title,
                    voice=HOSTS.get(row["source"], NEWS_HOST),
                    labels=(row["usa_rus"], row["rus_usa"]),
                    split=_split(part, row["id"].split("#")[0]),
                )
            )
    return found


def load_documents(folder: Path) -> list[Document]:
    """All documents with a relevance label, in file order; `split` says what each is for."""
    texts = {
        row["id"]: row
        for name in ("state_dept", "kremlin_en", "whitehouse")
        for row in _json_lines(folder / name / f"{name}.dev.jsonl.gz")
    }
    found: list[Document] = []
    for file, gold in (("relevance/labels.tsv", False), ("relevance_gold/dev_labels.tsv", True)):
        for fields in _tab_lines(folder / file):
            row = texts[fields[0]]
            part = "dev" if gold else fields[2]
            found.append(
                Document(
                    id=row["id"],
                    source=row["source"],
                    title=row["title"],
                    body="\n".join(filter(None, (row.get("lead"), row["text"]))),
                    voice=row["source"],
                    relevance=_RELEVANCE[fields[1]],
                    split=_split(part, row["id"]),
                    gold=gold,
                )
            )
    found.extend(
        Document(
            id=row["id"],
            source="synthetic",
            title=row["title"],
            body=row["text"],
            voice=NEWS_HOST,
            relevance=_RELEVANCE[str(row["relevance"])],
            split=_split(row["split"], row["id"]),
        )
        for row in _json_lines(folder / "relevance" / "synthetic_articles.jsonl")
    )
    return found


def label_index(document: Document) -> int:
    """The place of the document's relevance among the head's labels."""
    return RELEVANCE_LABELS.index(document.relevance)


def _split(part: str, document: str) -> Split:
    if part == "dev":
        return "dev"
    return "held" if hashlib.sha256(document.encode()).digest()[0] % 8 == 0 else "train"


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _tab_lines(path: Path) -> Iterator[list[str]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield line.split("\t")
