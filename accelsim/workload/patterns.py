"""Public names of the pattern encodings, and the choice of the smallest exact one."""

from __future__ import annotations

from collections.abc import Iterator

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

__all__ = [
    "BitPattern",
    "BlockPattern",
    "CsrPattern",
    "NmPattern",
    "Pattern",
    "RulePattern",
    "attention_rule",
    "csr_pattern",
    "pattern_from_mask",
    "smallest_exact",
]
_BLOCK_SIDES = (128, 64, 32, 16)
_GROUPS = (4, 8, 16)
_SLICE_ROWS = 2048


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
    csr = csr_pattern(indptr, indices, cols)
    if csr.rows == 0 or cols == 0:
        return csr
    guesses = list(_rule_guesses(csr, q_len))
    for guess in guesses:
        if _same(csr, guess):
            return guess
    bit_bytes = csr.rows * -(-cols // 8)
    candidates: list[tuple[int, Pattern | None]] = []
    for pattern in (_as_nm(csr), _as_blocks(csr, q_len)):
        if pattern is not None:
            candidates.append((_stored_bytes(pattern), pattern))
    candidates.append((_stored_bytes(csr), csr))
    candidates.append((bit_bytes, None))
    _, best = min(candidates, key=lambda candidate: candidate[0])
    return best if best is not None else _as_bits(csr)


def _stored_bytes(pattern: Pattern) -> int:
    arrays = [value for value in vars(pattern).values() if isinstance(value, np.ndarray)]
    return sum(array.nbytes for array in arrays)


def _same(csr: CsrPattern, other: Pattern) -> bool:
    """Compare row counts first, then the indices slice by slice."""
    if not np.array_equal(csr.row_counts(), other.row_counts()):
        return False
    return all(
        np.array_equal(indices, other.csr(start, start + len(indptr) - 1)[1])
        for start, indptr, indices in csr.blocks()
    )


def _rule_guesses(csr: CsrPattern, q_len: int | None) -> Iterator[RulePattern]:
    """Rules that fit the last row, which of all rows says most about a window."""
    if csr.nnz == csr.rows * csr.cols:
        yield RulePattern("dense", csr.rows, csr.cols, {})
    if not q_len or csr.rows % q_len or q_len > csr.cols:
        return
    place: dict[str, object] = {"q_len": q_len, "kv_len": csr.cols}
    last = csr.csr(csr.rows - 1)[1]
    if len(last) == 0 or last[-1] != csr.cols - 1:
        return
    if len(last) == csr.cols:
        yield RulePattern("causal", csr.rows, csr.cols, place)
    breaks = np.flatnonzero(np.diff(last) > 1)
    window = len(last) - (int(breaks[-1]) + 1 if len(breaks) else 0)
    sinks = len(last) - window
    if not sinks:
        yield RulePattern("band", csr.rows, csr.cols, {**place, "window": window})
    elif len(breaks) == 1 and last[sinks - 1] == sinks - 1:
        params = {**place, "window": window, "sinks": sinks}
        yield RulePattern("sinks_window", csr.rows, csr.cols, params)


def _as_nm(csr: CsrPattern) -> NmPattern | None:
    """N:M, if every group of every row keeps equally many."""
    per_row = csr.row_counts()
    kept = int(per_row[0])
    if kept == 0 or (per_row != kept).any():
        return None
    for m in _GROUPS:
        groups = csr.cols // m
        if csr.cols % m or kept % groups:
            continue
        n = kept // groups
        expected = np.repeat(np.arange(groups), n)
        if all(
            np.array_equal(
                indices.reshape(-1, kept) // m, np.broadcast_to(expected, (len(indptr) - 1, kept))
            )
            for _, indptr, indices in csr.blocks()
        ):
            offsets = (csr.indices.reshape(-1, kept) % m).astype(np.uint8)
            return NmPattern.from_offsets(n, m, offsets, csr.cols)
    return None


def _as_blocks(csr: CsrPattern, q_len: int | None) -> BlockPattern | None:
    """Square blocks, the largest side that is exact, whole or cut off at the diagonal."""
    for side in _BLOCK_SIDES:
        for clip in (0, q_len) if q_len else (0,):
            found = _blocks_of(csr, side, clip)
            if found is not None:
                return found
    return None


def _blocks_of(csr: CsrPattern, side: int, clip: int) -> BlockPattern | None:
    """Blocks of one side length, given up at the first band of rows that does not fit."""
    counts, blocks = [], []
    for start in range(0, csr.rows, side):
        stop = min(csr.rows, start + side)
        touched = np.unique(csr.csr(start, stop)[1] // side)
        columns = ranges(touched * side, np.minimum(side, csr.cols - touched * side))
        kept = np.full(stop - start, len(columns))
        if clip:
            limit = csr.cols - clip + np.arange(start, stop) % clip
            kept = np.searchsorted(columns, limit, side="right")
        if not np.array_equal(kept, csr.row_counts(start, stop)):
            return None
        counts.append(len(touched))
        blocks.append(touched)
    indptr = narrow_pointers(pointers(np.array(counts)))
    indices = narrow_indices(np.concatenate(blocks), -(-csr.cols // side))
    found = BlockPattern(indptr, indices, csr.rows, csr.cols, side, side, clip)
    return found if not clip or _same(csr, found) else None


def _as_bits(csr: CsrPattern) -> BitPattern:
    parts = []
    for start in range(0, csr.rows, _SLICE_ROWS):
        mask = csr.mask(start, min(csr.rows, start + _SLICE_ROWS))
        parts.append(np.packbits(mask, axis=1, bitorder="little"))
    return BitPattern(np.concatenate(parts), csr.cols)
