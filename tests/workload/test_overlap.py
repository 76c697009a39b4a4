"""Overlaps of neighbouring queries, against sets of keys in plain Python."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.workload.overlap import Sample, overlap, sample_of
from accelsim.workload.patterns import Pattern, pattern_from_mask


def naive(masks: list[np.ndarray], q_len: int) -> dict[str, object]:
    """What `overlap` counts, of whole patterns whose queries see all keys up to their own."""
    jaccards, kept, distances = [], [], np.zeros(64, dtype=int)
    unions: dict[int, list[int]] = {16: [], 32: []}
    for mask in masks:
        for unit in mask.reshape(-1, q_len, mask.shape[1]):
            sets = [set(np.flatnonzero(row).tolist()) for row in unit]
            kept += [len(keys) for keys in sets]
            for a, b in zip(sets, sets[1:], strict=False):
                jaccards.append(len(a & b) / max(1, len(a | b)))
            for tile, found in unions.items():
                tiles = [sets[at : at + tile] for at in range(0, q_len, tile)]
                found += [len(set().union(*part)) for part in tiles]
            for query, keys in enumerate(sets):
                for key in keys:
                    distances[int(mask.shape[1] - q_len + query - key).bit_length()] += 1
    return {
        "kept": np.mean(kept),
        "jaccard": np.mean(jaccards),
        "unions": [np.mean(found) / np.mean(kept) for found in unions.values()],
        "distances": distances / sum(kept),
    }


def test_overlap_is_that_of_sets() -> None:
    random, q_len, kv_len = np.random.default_rng(1), 40, 48
    below = np.arange(kv_len) <= np.arange(kv_len - q_len, kv_len)[:, None]
    masks = [(random.random((2 * q_len, kv_len)) < 0.2) & np.tile(below, (2, 1)) for _ in range(2)]
    patterns: list[Pattern] = [pattern_from_mask(mask) for mask in masks]
    found = overlap(patterns, Sample(q_len, ((0, q_len),), 2))
    expected = naive(masks, q_len)
    assert found.tiles == (16, 32)
    assert found.kept == pytest.approx(expected["kept"])
    assert found.jaccard == pytest.approx(expected["jaccard"])
    assert found.unions == pytest.approx(expected["unions"])
    assert len(found.distances) == 7  # 0, 1, 2-3, ... 32-63
    assert found.distances == pytest.approx(expected["distances"][:7])
    assert found.far_from(found) == 0


def test_a_sample_is_spread_over_queries_and_units() -> None:
    sample = sample_of(8192, 100.0, 8 * 128 * 100)
    assert sample.units == 1 and len(sample.parts) == 8 and sample.queries == 1024
    assert [start for start, _ in sample.parts] == list(range(512, 8192, 1024))
    whole = sample_of(300, 10.0, 300 * 10 * 6)
    assert whole.parts == ((0, 300),) and whole.units == 4
    assert [first // 300 for first, _ in whole.spans(300 * 10)] == [0, 3, 6, 9]
    assert sample_of(8192, 4000.0, 1).queries == 256
