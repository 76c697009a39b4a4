"""Patterns made of other patterns: turned round unit by unit, and without dropped slots."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.errors import InputError
from accelsim.workload.array_rules import make_array_rule
from accelsim.workload.encodings import Csr
from accelsim.workload.operators import Matmul, Moe
from accelsim.workload.patterns import (
    BitPattern,
    BlockPattern,
    CsrPattern,
    NmPattern,
    Pattern,
    RoutedPattern,
    RulePattern,
    TransposedPattern,
    attention_rule,
    csr_pattern,
    smallest_encoding,
)
from accelsim.workload.trace import validate_trace, write_trace


def bits(rows: int = 24, cols: int = 16, density: float = 0.3, seed: int = 0) -> BitPattern:
    return BitPattern.from_mask(np.random.default_rng(seed).random((rows, cols)) < density)


def every_encoding() -> dict[str, Pattern]:
    offsets = np.tile(np.array([0, 3], np.uint8), (24, 4))
    return {
        "bits": bits(),
        "csr": csr_pattern(*bits().csr(), 16),
        "empty": csr_pattern(np.zeros(25, np.int64), np.zeros(0, np.int32), 16),
        "nm": NmPattern.from_offsets(2, 4, offsets, 16),
        "block": BlockPattern(np.array([0, 1, 3, 3]), np.array([1, 0, 1]), 24, 16, 8, 8),
        "rule": RulePattern("unstructured", 24, 16, {"keep_permille": 400}),
        "transposed": TransposedPattern(bits(16, 12), 8),
        "routed": RoutedPattern(bits(), np.arange(24) % 5 - 1),
    }


def turned(mask: np.ndarray, unit_rows: int) -> np.ndarray:
    units = mask.reshape(-1, unit_rows, mask.shape[1])
    return units.transpose(0, 2, 1).reshape(-1, unit_rows)


@pytest.mark.parametrize("encoding", list(every_encoding()))
@pytest.mark.parametrize("unit_rows", [24, 12, 8, 1])
def test_transposition_is_that_of_numpy(encoding: str, unit_rows: int) -> None:
    of = every_encoding()[encoding]
    pattern = TransposedPattern(of, unit_rows)
    expected = turned(of.mask(), unit_rows)
    assert (pattern.rows, pattern.cols) == expected.shape
    assert np.array_equal(pattern.mask(), expected)
    assert np.array_equal(pattern.row_counts(), expected.sum(axis=1))
    assert pattern.nnz == of.nnz and pattern.density == of.density
    indptr, indices = pattern.csr()
    assert indptr.dtype == np.int64 and indices.dtype == np.int32
    back = TransposedPattern(pattern, of.cols)
    assert np.array_equal(back.mask(), of.mask())


@settings(max_examples=60)
@given(st.integers(1, 5), st.integers(1, 9), st.integers(1, 9), st.floats(0, 1), st.data())
def test_any_part_is_that_of_the_whole(
    units: int, high: int, wide: int, density: float, data: st.DataObject
) -> None:
    of = bits(units * high, wide, density)
    pattern = TransposedPattern(of, high)
    expected = turned(of.mask(), high)
    for _ in range(4):
        start = data.draw(st.integers(0, pattern.rows))
        stop = data.draw(st.integers(start, pattern.rows))
        assert np.array_equal(pattern.mask(start, stop), expected[start:stop])
        assert np.array_equal(pattern.row_counts(start, stop), expected[start:stop].sum(axis=1))
    with pytest.raises(ValueError, match="are outside"):
        pattern.csr(0, pattern.rows + 1)


class _Counted(CsrPattern):
    """Counts the positions that are read of it."""

    def csr(self, start: int = 0, stop: int | None = None) -> Csr:
        found = super().csr(start, stop)
        self.__dict__["read"] = self.__dict__.get("read", 0) + len(found[1])
        return found


@pytest.mark.parametrize("rows", [1, 7, 100])
def test_reading_in_blocks_is_linear(rows: int) -> None:
    indptr, indices = bits(600, 50).csr()
    of = _Counted(indptr, indices, 50)
    pattern = TransposedPattern(of, 200)
    for start in range(0, pattern.rows, rows):
        pattern.csr(start, min(pattern.rows, start + rows))
    assert of.__dict__["read"] <= 2 * of.nnz
    assert not pattern._turned  # and nothing is held afterwards
    of.__dict__["read"] = 0
    for start in range(0, pattern.rows, rows):
        pattern.row_counts(start, min(pattern.rows, start + rows))
    assert of.__dict__["read"] <= 2 * of.nnz


def test_granules_are_turned_too() -> None:
    blocks = BlockPattern(np.array([0, 1, 3, 3]), np.array([1, 0, 1]), 24, 16, 8, 4)
    assert TransposedPattern(blocks, 24).granule == (4, 8)
    assert TransposedPattern(blocks, 8).granule == (4, 8)
    assert TransposedPattern(blocks, 12).granule == (4, 4)  # a block lies in two units
    pages = attention_rule("page_topk", units=2, q_len=12, kv_len=24, page=8, pages=2)
    assert pages.granule == (1, 8) and TransposedPattern(pages, 12).granule == (8, 1)
    assert RoutedPattern(blocks, np.zeros(24, np.int16)).granule == (1, 4)


def test_units_are_whole() -> None:
    with pytest.raises(InputError, match="24 rows are no multiple of unit_rows 9"):
        TransposedPattern(bits(), 9)
    with pytest.raises(InputError, match="23 slots for 24 rows"):
        RoutedPattern(bits(), np.zeros(23, np.int16))


def test_dropped_slots_keep_nothing() -> None:
    ids = np.arange(24).reshape(12, 2) % 5 - 1
    for name, of in every_encoding().items():
        pattern = RoutedPattern(of, ids)
        expected = of.mask() & (ids.reshape(-1, 1) >= 0)
        assert np.array_equal(pattern.mask(), expected), name
        assert np.array_equal(pattern.mask(5, 19), expected[5:19])
        assert np.array_equal(pattern.row_counts(5, 19), expected[5:19].sum(axis=1))
        assert pattern.nnz == expected.sum()


@pytest.mark.parametrize("encoding", list(every_encoding()))
def test_what_it_is_made_of_is_stored(tmp_path: Path, encoding: str) -> None:
    of = every_encoding()[encoding]
    pattern = TransposedPattern(of, 24)
    operator = Matmul(scope="m", m=2, n=pattern.rows, k=24, weight_pattern=pattern)
    written = write_trace(tmp_path / "t.trace", "t", [operator])
    read = validate_trace(tmp_path / "t.trace")
    found = read.operators[0].weight_pattern
    assert isinstance(found, TransposedPattern) and found.of.encoding == of.encoding
    assert np.array_equal(found.mask(), pattern.mask())
    again = write_trace(tmp_path / "again.trace", "t", read.operators)
    assert again.content_hash == read.content_hash == written.content_hash
    arrays = list((tmp_path / "t.trace").glob("*.npy"))
    assert bool(arrays) == (encoding != "rule")


def test_a_routed_rule_is_stored_as_two_rules(tmp_path: Path) -> None:
    ids = make_array_rule(
        "route_zipf",
        {"tokens": 40, "experts": 4, "top_k": 2, "alpha_permille": 800, "capacity_permille": 900},
    )
    kept = RulePattern("contextual", 80, 32, {"keep_permille": 200})
    moe = Moe(
        scope="m", tokens=40, d_model=8, d_ff=32, experts=4, top_k=2, expert_ids=ids,
        activation_pattern=RoutedPattern(kept, ids),
    )  # fmt: skip
    assert (np.asarray(ids) < 0).any()
    write_trace(tmp_path / "t.trace", "t", [moe])
    found = validate_trace(tmp_path / "t.trace").operators[0].activation_pattern
    assert found.encoding == "routed" and found.of.encoding == "rule" and found.expert_ids == ids
    assert [entry.name for entry in (tmp_path / "t.trace").iterdir()] == ["manifest.json"]
    with pytest.raises(InputError, match="belongs to a dropped slot"):
        write_trace(tmp_path / "u.trace", "u", [Moe(**{**vars(moe), "activation_pattern": kept})])


def test_the_smallest_encoding_keeps_what_is_smaller() -> None:
    rule = TransposedPattern(attention_rule("topk_decay", units=1, q_len=64, kv_len=64, k=9), 64)
    assert smallest_encoding(rule) is rule
    sparse = TransposedPattern(bits(640, 64, 0.01), 640)
    found = smallest_encoding(sparse)
    assert found.encoding == "csr" and np.array_equal(found.mask(), sparse.mask())
