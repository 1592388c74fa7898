"""The labelled text: made into passages as at run time, and split.

Most of it is read in place, from a folder that isn't a part of the repository; `training/data` has
labels of more of its text, and articles of our own with theirs.

Three splits: `train` is learnt from; `held` (an eighth of the training documents, by hash of the
document) sets what training itself must choose, as the temperatures; `dev` is only ever evaluated.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from processors.models.base import RELEVANCE_LABELS, Passage
from processors.stance import stance_passage
from processors.text import sentences as split_sentences
from processors.weighing import DocumentPassages, document_passages
from training.retold import retold

OURS = Path(__file__).parent / "data"

Split = Literal["train", "held", "dev"]

HOSTS = {"state": "state.gov", "kremlin": "kremlin.ru", "whitehouse": "whitehouse.gov"}
"""The voice of each source that is an official one; the rest are quoted or invented news."""

NEWS_HOST = "news.example"

NO_HEADER = "US news sentence"
"""What stands in the header of a sentence that came without its document."""

SOURCES = {host: source for source, host in HOSTS.items()}
"""The name of the source that a host is."""

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
        """What the head of relevance learns from, with some of the document's parts left out."""
        return self.reading(title=title, body=body, voice=voice).whole

    def reading(
        self, *, title: bool = True, body: bool = True, voice: bool = True
    ) -> DocumentPassages:
        """All that the model reads of this document, with some of its parts left out."""
        return document_passages(
            self.title if title else "",
            self.body if body else "",
            voice=self.voice if voice else "",
        )


class Sentence(NamedTuple):
    """A sentence with its stance in both directions (A is the United States, B is Russia).

    `event` is the PLOVER type of the main act between the sides, and `issues` what it is about;
    None where nobody has said.
    """

    id: str
    source: str
    text: str
    previous: str
    title: str
    voice: str
    labels: tuple[str, str]
    split: Split
    event: str | None = None
    issues: tuple[str, ...] | None = None

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
        """Whether the sentence was invented for training."""
        return self.source.startswith(("synthetic", "own"))


def data_folder(option: str | None = None) -> Path:
    """Where the labelled text is: the option, else DETENTE_DATA, else ../shared/data."""
    folder = Path(option or os.environ.get("DETENTE_DATA") or "../shared/data")
    if not (folder / "dyad_stance").is_dir():
        raise SystemExit(f"no labelled text in {folder}: name its folder by --data or DETENTE_DATA")
    return folder


def load_sentences(folder: Path) -> list[Sentence]:
    """All stance sentences: those of the folder, then ours."""
    return [
        *_dyad_stance(folder),
        *_official_sentences(folder),
        *_news_sentences(folder),
        *_own_articles(),
        *_own_pieces(),
    ]


def load_documents(folder: Path) -> list[Document]:
    """All documents with a relevance label: those of the folder, then ours."""
    texts = official_texts(folder)
    labelled = tab_lines(folder / "relevance" / "labels.tsv")
    gold = tab_lines(folder / "relevance_gold" / "dev_labels.tsv")
    synthetic = json_lines(folder / "relevance" / "synthetic_articles.jsonl")
    ours = tab_lines(OURS / "documents.tsv")
    return [
        *(_official(texts[id], label, part) for id, label, part in labelled),
        *(_official(texts[id], label, "dev")._replace(gold=True) for id, label, *_ in gold),
        *(_invented(row, row["text"], row["split"]) for row in synthetic),
        *(_official(texts[id], label, "train") for id, label in ours),
        *(_invented(row, _prose(row), "train") for row in json_lines(OURS / "articles.jsonl")),
        *(_invented(row, row["text"], "train") for row in json_lines(OURS / "statements.jsonl")),
    ]


def digest(text: str) -> str:
    """By what a sentence of the folder is found again: white space doesn't count."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:12]


def label_index(document: Document) -> int:
    """The place of the document's relevance among the head's labels."""
    return RELEVANCE_LABELS.index(document.relevance)


def _dyad_stance(folder: Path) -> Iterator[Sentence]:
    for part in ("train", "dev"):
        for row in json_lines(folder / "dyad_stance" / f"{part}.jsonl"):
            title = "" if row["header"] == NO_HEADER else row["header"].split(" | ")[0]
            yield Sentence(
                id=row["id"],
                source=row["source"],
                text=row["text"],
                previous=row["prev"],
                title=title,
                voice=HOSTS.get(row["source"], NEWS_HOST),
                labels=(row["usa_rus"], row["rus_usa"]),
                split=_split(part, row["id"].split("#")[0]),
            )


def _official_sentences(folder: Path) -> Iterator[Sentence]:
    """What `training/data/sentences.tsv` labels, cut out of the folder's documents."""
    labels = defaultdict[str, dict[str, list[str]]](dict)
    for document, key, *values in tab_lines(OURS / "sentences.tsv"):
        labels[document][key] = values
    texts = official_texts(folder)
    for document, wanted in labels.items():
        row, previous = texts[document], ""
        for number, sentence in enumerate(split_sentences(official_body(row))):
            if (key := digest(sentence.text)) in wanted:
                usa_rus, rus_usa, event, issues = wanted.pop(key)
                yield Sentence(
                    id=f"{document}@{number}",
                    source=SOURCES[row["source"]],
                    text=sentence.text,
                    previous=previous,
                    title=row["title"],
                    voice=row["source"],
                    labels=(usa_rus, rus_usa),
                    split=_split("train", document),
                    event=event,
                    issues=_issues(issues),
                )
            previous = sentence.text
        if wanted:
            raise SystemExit(
                f"training/data/sentences.tsv: {document} has no sentence {', '.join(wanted)}: "
                "the text or the way it is split has changed"
            )


def _own_articles() -> Iterator[Sentence]:
    """Our articles' headlines and sentences, of those that two have read, and where they agree."""
    for row in json_lines(OURS / "articles.jsonl"):
        if row["readers"] < 2:
            continue
        previous = ""
        for number, one in enumerate([_headline(row), *row["sentences"]]):
            if one["usa_rus"] and one["rus_usa"]:
                yield Sentence(
                    id=f"{row['id']}#{number}",
                    source="own-article" if number else "own-headline",
                    text=one["text"],
                    previous=previous,
                    title=row["title"] if number else "",
                    voice=NEWS_HOST,
                    labels=(one["usa_rus"], one["rus_usa"]),
                    split=_split("train", row["id"]),
                    event=one.get("event"),
                    issues=tuple(one["issues"]) if "issues" in one else None,
                )
            previous = one["text"] if number else ""


def _own_pieces() -> Iterator[Sentence]:
    """Our headlines and single sentences, but for those on which their readers differ."""
    for row in json_lines(OURS / "pieces.jsonl"):
        if row["usa_rus"] and row["rus_usa"]:
            yield Sentence(
                id=row["id"],
                source=f"own-{row['form']}",
                text=row["text"],
                previous="",
                title="",
                voice=NEWS_HOST,
                labels=(row["usa_rus"], row["rus_usa"]),
                split=_split("train", row["id"]),
                event=row["event"],
                issues=tuple(row["issues"]),
            )


def _news_sentences(folder: Path) -> Iterator[Sentence]:
    """What `news.tsv` labels of the folder's news sentences, and `retold.tsv` of the same told as
    if on Russia; both know a sentence by the digest of what stands in the folder."""
    yield from _news_of(folder, "news.tsv", lambda text: text)
    yield from _news_of(folder, "retold.tsv", retold)


def _news_of(folder: Path, name: str, told: Callable[[str], str | None]) -> Iterator[Sentence]:
    wanted = {key: values for key, *values in tab_lines(OURS / name)}
    for source, text in news_texts(folder):
        if values := wanted.pop(digest(text), None):
            usa_rus, rus_usa, event, issues = values
            yield Sentence(
                id=f"{source}-{digest(text)}",
                source=source,
                text=told(text) or text,
                previous="",
                title="",
                voice=NEWS_HOST,
                labels=(usa_rus, rus_usa),
                split=_split("train", digest(text)),
                event=event,
                issues=_issues(issues),
            )
    if wanted:
        raise SystemExit(f"training/data/{name}: no sentence {', '.join(wanted)}")


def news_texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Real news sentences, each with its source; the bracketed sides of `directed` are unmarked."""
    for name in ("train", "devtest_mt"):
        for row in json_lines(folder / "newsmtsc" / f"{name}.jsonl.gz"):
            yield "newsmtsc", row["sentence_normalized"].strip()
    for text, *_ in directed_texts(folder):
        yield "directed", text.replace("[", "").replace("]", "").strip()


def directed_texts(folder: Path) -> Iterator[list[str]]:
    """The fields of the set of directed sentiment: text with two [entities], both, and label."""
    for name in ("train", "valid"):
        with gzip.open(folder / "directed_sentiment" / f"{name}.txt.gz", "rt") as lines:
            for line in lines:
                yield line.rstrip("\n").split("\t")


@cache
def official_texts(folder: Path) -> dict[str, dict[str, Any]]:
    """The documents of both governments by their id, as they lie in the folder."""
    return {
        row["id"]: row
        for name in ("state_dept", "kremlin_en", "whitehouse")
        for row in json_lines(folder / name / f"{name}.dev.jsonl.gz")
    }


def _headline(row: dict[str, Any]) -> dict[str, Any]:
    return {"text": row["title"], "usa_rus": row["usa_rus"], "rus_usa": row["rus_usa"]}


def _issues(field: str) -> tuple[str, ...]:
    return () if field == "-" else tuple(field.split(","))


def official_body(row: dict[str, Any]) -> str:
    """Its text, below the headline."""
    return "\n".join(filter(None, (row.get("lead"), row["text"])))


def _prose(row: dict[str, Any]) -> str:
    return " ".join(one["text"] for one in row["sentences"])


def _official(row: dict[str, Any], label: str, part: str) -> Document:
    return Document(
        id=row["id"],
        source=row["source"],
        title=row["title"],
        body=official_body(row),
        voice=row["source"],
        relevance=_RELEVANCE[label],
        split=_split(part, row["id"]),
    )


def _invented(row: dict[str, Any], body: str, part: str) -> Document:
    return Document(
        id=row["id"],
        source="synthetic",
        title=row["title"],
        body=body,
        voice=row.get("host", NEWS_HOST),
        relevance=_RELEVANCE[str(row["relevance"])],
        split=_split(part, row["id"]),
    )


def _split(part: str, document: str) -> Split:
    if part == "dev":
        return "dev"
    return "held" if hashlib.sha256(document.encode()).digest()[0] % 8 == 0 else "train"


def json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file with one a line, gzipped or not."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def tab_lines(path: Path) -> Iterator[list[str]]:
    """The fields of a file's lines, but for comments."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield line.split("\t")
