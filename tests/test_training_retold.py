"""News on another state, told as if on Russia."""

from __future__ import annotations

import pytest

from training.retold import retold


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "President Xi Jinping thanked Obama, and China's envoy left Beijing for Taiwan.",
            "President Vladimir Putin thanked Obama, and Russia's envoy left Moscow for Ukraine.",
        ),
        # One of the sets has lost its apostrophes.
        ("Washington rejected Irans offer.", "Washington rejected Russia's offer."),
        (
            "Mr. Kim told North Korean troops that Washington had lied.",
            "Mr. Putin told Russian troops that Washington had lied.",
        ),
        # Neither a word within another nor a state that only happens to be named later.
        ("Chinatown in Washington is quiet.", None),
        ("Washington asked Tehran to answer.", None),
        # Nothing to learn from: no American, or Russia itself.
        ("China warned Iran.", None),
        ("Trump asked China and Russia to help.", None),
    ],
)
def test_retold(text: str, told: str | None) -> None:
    assert retold(text) == told
