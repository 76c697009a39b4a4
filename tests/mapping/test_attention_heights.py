"""Heights of a tile: as many rows as its kept lists leave room for."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from accelsim.arch.load import load_arch
from accelsim.simulation import simulate
from accelsim.workload.trace import Trace
from tests.mapping.workloads import masked, trace

LENGTH, KEPT = 256, 32


def kept_by_scores(rows: np.ndarray, width: int) -> Trace:
    """One head in which query q keeps rows[q] of the keys before it."""
    rng = np.random.default_rng(0)
    mask = np.zeros((LENGTH, LENGTH), bool)
    for query, count in enumerate(rows):
        mask[query, rng.permutation(query + 1)[:count]] = True
    op = masked(mask, d_qk=width, d_v=width, causal=True)
    return trace(replace(op, selection="from_scores"))


def chosen(rows: np.ndarray, width: int, *overrides: str) -> tuple[str, int, int]:
    """Strategy, tile height and time on the small sparse machine."""
    result = simulate(load_arch("sparse_small", overrides), kept_by_scores(rows, width))
    mapping = str(result.operators["mapping"].iloc[0])
    found = re.match(r"(\w+): .*for tile of (\d+) of", mapping)
    assert found, mapping
    return found.group(1), int(found.group(2)), result.total_ps


def test_a_sparse_tile_is_as_tall_as_its_kept_lists_allow():
    rows = np.minimum(np.arange(LENGTH) + 1, KEPT)
    strategy, height, auto = chosen(rows, 32)
    assert (strategy, height) == ("scores_sparse", 32)
    times = [chosen(rows, 32, f"mapping.tile_queries={fixed}")[2] for fixed in (8, 16, 32)]
    assert auto == min(times) == times[-1]


def test_room_is_that_of_the_fullest_rows():
    """By the mean of the rows a taller tile would be chosen, whose last one is refused."""
    rows = np.minimum(np.arange(LENGTH) + 1, 64)
    rows[-LENGTH // 8 :] = np.minimum(np.arange(LENGTH)[-LENGTH // 8 :] + 1, 6 * 64)
    assert chosen(rows, 64)[1] <= 16
