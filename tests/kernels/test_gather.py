"""The gather unit's requests against a list that is searched, and what any window must keep."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.kernels.gather import DUPLICATES, LINES, RUNS, USEFUL_BYTES, coalesce_rows

LINE = 64


def coalesce(
    rows: list[int], ends: list[int], row_bytes: int, window: int, base: int = 0
) -> tuple[np.ndarray, list[int]]:
    """The tiles' counts, and every line requested."""
    most = len(rows) * (row_bytes // LINE + 2)
    address, size = np.empty(most, np.int64), np.empty(most, np.int64)
    ptr = np.array([0, *ends])
    tiles = coalesce_rows(
        np.array(rows, np.int64), ptr, base, row_bytes, row_bytes, LINE, window, address, size
    )
    runs = zip(address.tolist(), size.tolist()[: tiles[:, RUNS].sum()], strict=False)
    return tiles, [line for at, n in runs for line in range(at // LINE, (at + n) // LINE)]


def naive(
    rows: list[int], ends: list[int], row_bytes: int, window: int, base: int
) -> tuple[list[int], list[int]]:
    """Lines requested, and duplicates of every tile, with a list of the last ones."""
    lines: list[int] = []
    duplicates = []
    first = 0
    for end in ends:
        last: list[int] = []
        dropped = 0
        for row in rows[first:end]:
            at = base + row * row_bytes
            for line in range(at // LINE, (at + row_bytes - 1) // LINE + 1):
                if line in last[-max(1, window) :]:
                    dropped += 1
                else:
                    last.append(line)
        lines += last
        duplicates.append(dropped)
        first = end
    return lines, duplicates


@given(
    st.lists(st.integers(0, 30), max_size=80), st.integers(0, 80),
    st.sampled_from([16, 48, 64, 100, 256]), st.integers(0, 20), st.sampled_from([0, 64, 72]),
)  # fmt: skip
@settings(max_examples=200)
def test_the_lines_are_those_of_a_list_that_is_searched(rows, cut, row_bytes, window, base):
    ends = [min(cut, len(rows)), len(rows)]
    tiles, lines = coalesce(rows, ends, row_bytes, window, base)
    expected, duplicates = naive(rows, ends, row_bytes, window, base)
    assert lines == expected
    assert tiles[:, DUPLICATES].tolist() == duplicates
    assert tiles[:, LINES].sum() == len(lines)


@given(st.lists(st.integers(0, 200), min_size=1, max_size=400), st.sampled_from([32, 64, 256]))
@settings(max_examples=50)
def test_a_gather_with_duplicates_never_moves_more_lines_than_indices(rows, row_bytes):
    per_row = -(-row_bytes // LINE)
    fewest = len(set(rows)) if row_bytes >= LINE else 1
    for window in (0, 4, 64, 1 << 20):
        tiles, lines = coalesce(rows, [len(rows)], row_bytes, window)
        assert len(lines) <= len(rows) * per_row
        assert set(lines) == {r * row_bytes // LINE + k for r in rows for k in range(per_row)}
        assert tiles[0, USEFUL_BYTES] <= len(lines) * LINE
        assert len(lines) >= len(set(lines)) >= fewest
    assert len(lines) == len(set(lines))  # a window that forgets nothing
    if row_bytes >= LINE:
        assert tiles[0, USEFUL_BYTES] == len(set(rows)) * row_bytes


def test_a_long_tile_with_a_small_window_needs_a_small_table():
    rows = np.arange(200_000) % 1_000
    address, size = np.empty(rows.size, np.int64), np.empty(rows.size, np.int64)
    ends = np.array([0, rows.size])
    tiles = coalesce_rows(rows, ends, 0, LINE, LINE, LINE, 64, address, size)
    assert tiles[0, LINES] == rows.size and tiles[0, DUPLICATES] == 0
