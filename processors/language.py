"""Which language a text is in. What the model wasn't made for is not judged at all."""

from __future__ import annotations

from typing import Final

SAMPLE: Final = 2_000
"""Characters of the text that are looked at: beyond them the answer doesn't change."""

MARGIN: Final = 15.0
"""By how much (in nats of log-likelihood) another language must fit better than the expected one.
A headline of names fits several languages about as well; a sentence of prose decides by more than
twice this."""

MIN_WORDS: Final = 3
"""A shorter text has nothing to judge."""


def language_of(text: str, claim: str | None, expected: str = "en") -> str:
    """The ISO 639 code, of two letters where there is one, of the language that a text is in.

    `claim` is what the feed says. It (or `expected`, where there is none) is believed unless
    another language fits the text much better: feeds do claim the language of their site's menu.
    A text without letters is in no language, so that nothing speaks against the claim.
    """
    import py3langid  # over a second to load, which only this stage shall pay

    sample = text[:SAMPLE]
    fits = dict(py3langid.rank(sample))
    prior = claim if claim is not None and claim in fits else expected
    if not any(sign.isalpha() for sign in sample):
        return prior
    best: str = max(fits, key=lambda language: fits[language])
    return best if fits[best] - fits[prior] > MARGIN else prior


def too_short(text: str) -> bool:
    """Whether there are too few words to judge."""
    return len(text.split()) < MIN_WORDS
