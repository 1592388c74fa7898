"""In how many of a thousand articles a term stands: `python -m training.frequencies`.

Counted over the labelled and unlabelled texts and our own articles, by the terms of the stores.
What `detente.alerts` takes for the rarity of a word. Rerun when the analysis changes.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from detente.store.analysis import terms
from training.labelled import data_folder, json_lines, load_documents

OUT = Path(__file__).parents[1] / "detente" / "alerts" / "frequencies.json"
LEAST = 0.002
"""Of all articles; what is rarer counts as one in five hundred."""


def main() -> None:
    counts: Counter[str] = Counter()
    number = 0
    texts = [f"{one.title}\n{one.body[:6_000]}" for one in load_documents(data_folder())]
    own = json_lines(Path(__file__).parent / "data" / "articles.jsonl")
    texts += ["\n".join([row["title"], *(one["text"] for one in row["sentences"])]) for row in own]
    for text in texts:
        counts.update(set(terms(text)))
        number += 1
    kept = {
        term: round(1_000 * count / number)
        for term, count in sorted(counts.items())
        if count >= LEAST * number
    }
    OUT.write_text(json.dumps(kept, ensure_ascii=False, separators=(",", ":")) + "\n", "utf-8")
    print(f"{OUT}: {len(kept)} terms of {number} articles")


if __name__ == "__main__":
    main()
