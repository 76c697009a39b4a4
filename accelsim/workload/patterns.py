"""Public names of the pattern encodings, and the choice of the smallest exact one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np

from accelsim.errors import InputError
from accelsim.workload.arrays import narrow_indices, narrow_pointers, pointers, ranges
from accelsim.workload.encodings import (
    BitPattern,
    BlockPattern,
    CsrPattern,
    NmPattern,
    Pattern,
    RulePattern,
)
from accelsim.workload.routed import RoutedPattern
from accelsim.workload.transposed import TransposedPattern

__all__ = [
    "BitPattern",
    "BlockPattern",
    "CsrPattern",
    "NmPattern",
    "Pattern",
    "RoutedPattern",
    "RulePattern",
    "TransposedPattern",
    "attention_rule",
    "csr_pattern",
    "pattern_from_mask",
    "smallest_encoding",
    "smallest_exact",
]
_BLOCK_SIDES = (128, 64, 32, 16)
_GROUPS = (4, 8, 16)
_SLICE_ROWS = 2048
_NO_INDICES = np.empty(0, np.uint16)


def attention_rule(
    rule: str, *, units: int, q_len: int, kv_len: int, batch: int = 1, **params: object
) -> RulePattern:
    """Build the pattern of an attention operator from a rule and its parameters."""
    shape = {"q_len": q_len, "kv_len": kv_len}
    return RulePattern(rule, batch * units * q_len, kv_len, {**shape, **params})


def csr_pattern(indptr: np.ndarray, indices: np.ndarray, cols: int) -> CsrPattern:
    """Make a CSR pattern with its arrays in the smallest types, after checking them."""
    indptr, indices = np.asarray(indptr), np.asarray(indices)
    problem = csr_problem(indptr, indices, cols)
    if problem:
        raise InputError(problem, remedy="sort the indices of each row and drop duplicates")
    return CsrPattern(narrow_pointers(indptr), narrow_indices(indices, cols), cols)


def pattern_from_mask(mask: np.ndarray, *, q_len: int | None = None) -> Pattern:
    """Encode bool[rows, cols] (True is kept) in the smallest exact encoding."""
    rows, indices = np.nonzero(mask)
    counts = np.bincount(rows, minlength=len(mask))
    return smallest_exact(pointers(counts), indices, mask.shape[1], q_len=q_len)


def csr_problem(indptr: np.ndarray, indices: np.ndarray, cols: int) -> str:
    """Say what is wrong with CSR arrays and where, or "" if nothing is."""
    if len(indptr) == 0 or int(indptr[0]) != 0:
        return "indptr[0] must be 0"
    steps = np.diff(indptr.astype(np.int64))
    if (steps < 0).any():
        row = int(np.argmax(steps < 0))
        return f"indptr[{row + 1}] = {indptr[row + 1]} is below indptr[{row}] = {indptr[row]}"
    if int(indptr[-1]) != len(indices):
        return f"indptr[{len(indptr) - 1}] = {indptr[-1]}, but there are {len(indices)} indices"
    step = 1 << 22
    for start in range(0, len(indices), step):
        part = indices[max(0, start - 1) : start + step].astype(np.int64)
        outside = (part < 0) | (part >= cols)
        base = max(0, start - 1)
        if outside.any():
            place = int(np.argmax(outside))
            row = int(np.searchsorted(indptr, base + place, side="right")) - 1
            return f"indices[{base + place}] = {part[place]} (row {row}) is outside [0, {cols})"
        falling = np.flatnonzero(part[1:] <= part[:-1]) + base + 1
        if len(falling):
            inside = falling[~np.isin(falling, indptr)]
            if len(inside):
                place = int(inside[0])
                row = int(np.searchsorted(indptr, place, side="right")) - 1
                return (
                    f"indices[{place}] = {indices[place]} (row {row}) does not rise above "
                    f"{indices[place - 1]}"
                )
    return ""


def smallest_exact(
    indptr: np.ndarray, indices: np.ndarray, cols: int, *, q_len: int | None = None
) -> Pattern:
    """Encode a CSR pattern in the smallest encoding that gives back exactly the same positions.

    Tried in this order, the first of the smallest wins: a rule (dense; with `q_len`, for
    attention, also causal, band and sinks with window), N:M, blocks (with `q_len` also cut off
    at the diagonal), CSR, bits.

    Parameters
    ----------
    indptr : integer[rows + 1]
    indices : integer[nnz]
        Strictly increasing within a row.
    cols : int
    q_len : int, optional
        Queries per unit, if the rows are queries of an attention operator with kv_len = cols.
    """
    return smallest_encoding(csr_pattern(indptr, indices, cols), q_len=q_len)


def smallest_encoding(pattern: Pattern, *, q_len: int | None = None) -> Pattern:
    """Encode any pattern anew as `smallest_exact` does, without holding all its indices.

    A pattern that is made of another one stays as it is if that takes least. Memory beyond the
    pattern and the result is that of `Pattern.blocks`.
    """
    rows, cols = pattern.rows, pattern.cols
    if rows == 0 or cols == 0:
        return CsrPattern(narrow_pointers(pointers(pattern.row_counts())), _NO_INDICES, cols)
    for guess in _rule_guesses(pattern, q_len):
        if _same(pattern, guess):
            return guess
    candidates: list[tuple[int, Callable[[], Pattern]]] = []
    if isinstance(pattern, RoutedPattern | TransposedPattern):
        candidates.append((_stored_bytes(pattern), lambda: pattern))
    for found in (_as_nm(pattern), _as_blocks(pattern, q_len)):
        if found is not None:
            candidates.append((_stored_bytes(found), lambda found=found: found))  # type: ignore[misc]
    candidates.append((_csr_bytes(pattern), lambda: _as_csr(pattern)))
    candidates.append((rows * -(-cols // 8), lambda: _as_bits(pattern)))
    _, best = min(candidates, key=lambda candidate: candidate[0])
    return best()


def _csr_bytes(pattern: Pattern) -> int:
    """Bytes of `pattern` as CSR, before it is made."""
    pointer = 4 if pattern.nnz < 1 << 32 else 8
    return (pattern.rows + 1) * pointer + pattern.nnz * (2 if pattern.cols <= 1 << 16 else 4)


def _as_csr(pattern: Pattern) -> CsrPattern:
    if isinstance(pattern, CsrPattern):
        return csr_pattern(pattern.indptr, pattern.indices, pattern.cols)
    parts = [narrow_indices(indices, pattern.cols) for _, _, indices in pattern.blocks()]
    indptr = narrow_pointers(pointers(pattern.row_counts()))
    return CsrPattern(indptr, np.concatenate(parts), pattern.cols)


def _stored_bytes(pattern: Pattern) -> int:
    shown = [field.name for field in dataclasses.fields(pattern) if field.repr]  # type: ignore[arg-type]
    values = [getattr(pattern, name) for name in shown]
    arrays = sum(value.nbytes for value in values if isinstance(value, np.ndarray))
    return arrays + sum(_stored_bytes(value) for value in values if isinstance(value, Pattern))


def _same(pattern: Pattern, other: Pattern) -> bool:
    """Compare row counts first, then the indices slice by slice."""
    if not np.array_equal(pattern.row_counts(), other.row_counts()):
        return False
    return all(
        np.array_equal(indices, other.csr(start, start + len(indptr) - 1)[1])
        for start, indptr, indices in pattern.blocks()
    )


def _rule_guesses(pattern: Pattern, q_len: int | None) -> Iterator[RulePattern]:
    """Rules that fit the last row, which of all rows says most about a window."""
    if pattern.nnz == pattern.rows * pattern.cols:
        yield RulePattern("dense", pattern.rows, pattern.cols, {})
    if not q_len or pattern.rows % q_len or q_len > pattern.cols:
        return
    place: dict[str, object] = {"q_len": q_len, "kv_len": pattern.cols}
    last = pattern.csr(pattern.rows - 1)[1]
    if len(last) == 0 or last[-1] != pattern.cols - 1:
        return
    if len(last) == pattern.cols:
        yield RulePattern("causal", pattern.rows, pattern.cols, place)
    breaks = np.flatnonzero(np.diff(last) > 1)
    window = len(last) - (int(breaks[-1]) + 1 if len(breaks) else 0)
    sinks = len(last) - window
    if not sinks:
        yield RulePattern("band", pattern.rows, pattern.cols, {**place, "window": window})
    elif len(breaks) == 1 and last[sinks - 1] == sinks - 1:
        params = {**place, "window": window, "sinks": sinks}
        yield RulePattern("sinks_window", pattern.rows, pattern.cols, params)


def _as_nm(pattern: Pattern) -> NmPattern | None:
    """N:M, if every group of every row keeps equally many."""
    per_row = pattern.row_counts()
    kept = int(per_row[0])
    if kept == 0 or (per_row != kept).any():
        return None
    for m in _GROUPS:
        groups = pattern.cols // m
        if pattern.cols % m or kept % groups:
            continue
        n = kept // groups
        expected = np.repeat(np.arange(groups), n)
        if all(
            np.array_equal(
                indices.reshape(-1, kept) // m, np.broadcast_to(expected, (len(indptr) - 1, kept))
            )
            for _, indptr, indices in pattern.blocks()
        ):
            parts = [(ids.reshape(-1, kept) % m).astype(np.uint8) for _, _, ids in pattern.blocks()]
            return NmPattern.from_offsets(n, m, np.concatenate(parts), pattern.cols)
    return None


def _as_blocks(pattern: Pattern, q_len: int | None) -> BlockPattern | None:
    """Square blocks, the largest side that is exact, whole or cut off at the diagonal."""
    for side in _BLOCK_SIDES:
        for clip in (0, q_len) if q_len else (0,):
            found = _blocks_of(pattern, side, clip)
            if found is not None:
                return found
    return None


def _blocks_of(pattern: Pattern, side: int, clip: int) -> BlockPattern | None:
    """Blocks of one side length, given up at the first band of rows that does not fit."""
    counts, blocks = [], []
    for start in range(0, pattern.rows, side):
        stop = min(pattern.rows, start + side)
        touched = np.unique(pattern.csr(start, stop)[1] // side)
        columns = ranges(touched * side, np.minimum(side, pattern.cols - touched * side))
        kept = np.full(stop - start, len(columns))
        if clip:
            limit = pattern.cols - clip + np.arange(start, stop) % clip
            kept = np.searchsorted(columns, limit, side="right")
        if not np.array_equal(kept, pattern.row_counts(start, stop)):
            return None
        counts.append(len(touched))
        blocks.append(touched)
    indptr = narrow_pointers(pointers(np.array(counts)))
    indices = narrow_indices(np.concatenate(blocks), -(-pattern.cols // side))
    found = BlockPattern(indptr, indices, pattern.rows, pattern.cols, side, side, clip)
    return found if not clip or _same(pattern, found) else None


def _as_bits(pattern: Pattern) -> BitPattern:
    if isinstance(pattern, BitPattern):
        return pattern
    parts = []
    for start in range(0, pattern.rows, _SLICE_ROWS):
        mask = pattern.mask(start, min(pattern.rows, start + _SLICE_ROWS))
        parts.append(np.packbits(mask, axis=1, bitorder="little"))
    return BitPattern(np.concatenate(parts), pattern.cols)
