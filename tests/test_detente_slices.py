from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from detente.slices import slices


@given(
    items=st.lists(st.binary(max_size=12), max_size=20),
    most_bytes=st.integers(1, 20),
    most=st.none() | st.integers(1, 5),
)
def test_parts_are_whole_in_bounds_and_as_long_as_may_be(
    items: list[bytes], most_bytes: int, most: int | None
) -> None:
    parts = [list(part) for part in slices(items, len, most_bytes, most)]
    assert [item for part in parts for item in part] == items
    for part in parts:
        assert part
        assert len(part) == 1 or sum(map(len, part)) <= most_bytes
        assert len(part) <= (most or len(part))
    for part, following in pairwise(parts):
        too_many = len(part) == most
        assert too_many or sum(map(len, [*part, following[0]])) > most_bytes
