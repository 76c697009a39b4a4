"""How the keys of neighbouring queries overlap and how far away they are, counted in samples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from accelsim.workload.patterns import Pattern

TILES = (16, 32, 64, 128)
_SPAN = 128


@dataclass(frozen=True)
class Overlap:
    """What the queries of attention patterns keep, and share with their neighbours.

    Attributes
    ----------
    kept : float
        Mean keys of a query.
    jaccard : float
        Mean over adjacent queries of common over all keys.
    unions : tuple[float, ...]
        Mean distinct keys of tiles of `tiles` consecutive queries, over `kept`.
    distances : tuple[float, ...]
        Share of the kept keys at distance 0, 1, 2-3, 4-7, and so on by octaves.
    tiles : tuple[int, ...]
        Those of `TILES` that fit into the queries of a unit.
    """

    kept: float
    jaccard: float
    unions: tuple[float, ...]
    distances: tuple[float, ...]
    tiles: tuple[int, ...] = TILES

    def far_from(self, other: Overlap) -> float:
        """Share of the kept keys that would have to move to another octave of distance."""
        return float(np.abs(np.subtract(self.distances, other.distances)).sum() / 2)


@dataclass(frozen=True)
class Sample:
    """Rows that are looked at: evenly spaced spans of queries, the same of every unit taken.

    Attributes
    ----------
    q_len : int
        Queries of a unit.
    parts : tuple[tuple[int, int], ...]
        First and last (exclusive) queries of the spans; each starts where a largest tile does.
    units : int
        Units taken of each pattern, evenly spaced.
    """

    q_len: int
    parts: tuple[tuple[int, int], ...]
    units: int

    @property
    def queries(self) -> int:
        """Queries taken of a unit."""
        return sum(stop - start for start, stop in self.parts)

    def spans(self, rows: int) -> list[tuple[int, int]]:
        """Rows [first, last) of each span of a pattern."""
        units = rows // self.q_len
        taken = np.unique(np.linspace(0, units - 1, min(units, self.units)).round().astype(int))
        return [
            (unit * self.q_len + start, unit * self.q_len + stop)
            for unit in taken.tolist()
            for start, stop in self.parts
        ]


def sample_of(q_len: int, kept: float, keys: int, *, least: int = 2) -> Sample:
    """Choose the spans of patterns that keep `kept` keys a query, for about `keys` keys in all.

    At least `least` spans of a unit are taken, so that early and late queries are among them.
    """
    spans = -(-q_len // _SPAN)
    fit = max(1, int(keys / max(1.0, kept * min(q_len, _SPAN))))
    wanted = min(spans, max(least, fit))
    places = ((np.arange(wanted) + 0.5) * spans / wanted).astype(int)
    runs = np.split(places, np.flatnonzero(np.diff(places) > 1) + 1)
    parts = [(int(run[0]) * _SPAN, min(q_len, (int(run[-1]) + 1) * _SPAN)) for run in runs]
    return Sample(q_len, tuple(parts), max(1, fit // wanted))


def overlap(patterns: Iterable[Pattern], sample: Sample) -> Overlap:
    """Count an `Overlap` in the sampled rows of patterns of one shape, all pooled.

    Parameters
    ----------
    patterns : iterable of Pattern
        With rows of a multiple of `sample.q_len`.
    sample : Sample
    """
    from accelsim.kernels.patterns import adjacent_shared  # imports numba
    from accelsim.kernels.unions import union_sizes

    tiles = tuple(tile for tile in TILES if tile <= sample.q_len)
    rows, kept, pairs, common, cols = 0, 0, 0, 0.0, 1
    unions = np.zeros((len(tiles), 2))
    distances = np.zeros(64, dtype=np.int64)
    for pattern in patterns:
        for start, stop in sample.spans(pattern.rows):
            indptr, indices = pattern.csr(start, stop)
            counts = np.diff(indptr)
            shared = np.zeros(stop - start - 1, dtype=np.int64)
            adjacent_shared(indptr, indices, shared)
            common += float((shared / np.maximum(1, counts[1:] + counts[:-1] - shared)).sum())
            cols = pattern.cols
            rows, kept, pairs = rows + len(counts), kept + len(indices), pairs + len(shared)
            for place, tile in enumerate(tiles):
                sizes = union_sizes(indptr, indices, pattern.cols, tile, 1)
                unions[place] += int(sizes.sum()), len(sizes)
            position = pattern.cols - sample.q_len + np.arange(start, stop) % sample.q_len
            distances += octaves(np.repeat(position, counts) - indices)
    mean = kept / max(1, rows)
    return Overlap(
        kept=mean,
        jaccard=common / pairs if pairs else float("nan"),
        unions=tuple((unions[:, 0] / unions[:, 1] / mean).tolist()) if kept else (),
        distances=tuple((distances[: (cols - 1).bit_length() + 1] / max(1, kept)).tolist()),
        tiles=tiles,
    )


def octaves(distances: np.ndarray) -> np.ndarray:
    """Count distances (integer, none negative) of 0, 1, 2-3, 4-7, and so on, int64[64]."""
    return np.bincount(np.frexp(distances)[1], minlength=64)


def pooled_counts(patterns: Sequence[Pattern], q_len: int) -> np.ndarray:
    """Kept keys of every query, int64[units of all patterns, q_len]."""
    return np.concatenate([p.row_counts().reshape(-1, q_len) for p in patterns])
