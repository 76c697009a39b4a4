"""Rules of weights and activations: structure, stated densities, and how entries vary and last."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.errors import InputError
from accelsim.workload.patterns import RulePattern
from accelsim.workload.statistics import column_counts, key_reuse

LARGE = (1024, 1536)
DENSITIES = [
    ("unstructured", {"keep_permille": 50}, 0.05),
    ("unstructured", {"keep_permille": 200, "seed": 1}, 0.2),
    ("unstructured", {"keep_permille": 950, "spread_permille": 1000}, 0.95),
    ("nm", {"n": 2, "m": 4}, 0.5),
    ("bank_balanced", {"bank": 32, "keep_permille": 50}, 0.05),
    ("block_sparse", {"block": 16, "keep_permille": 100}, 0.1),
    ("block_sparse", {"block": 64, "keep_permille": 200}, 0.2),
    ("contextual", {"keep_permille": 100}, 0.1),
    ("contextual", {"keep_permille": 30, "hot_permille": 0, "seed": 2}, 0.03),
    ("contextual", {"keep_permille": 400, "decay_permille": 900}, 0.4),
]


@pytest.mark.parametrize(("rule", "params", "density"), DENSITIES)
def test_density_is_the_stated_one(rule: str, params: dict[str, object], density: float) -> None:
    pattern = RulePattern(rule, *LARGE, params)
    assert pattern.density == pytest.approx(density, rel=0.01)


def test_unstructured_rows_and_columns_vary_and_each_entry_is_drawn_for_itself() -> None:
    pattern = RulePattern("unstructured", *LARGE, {"keep_permille": 100, "spread_permille": 300})
    for counts in (pattern.row_counts(), column_counts(pattern)):
        mean = counts.mean()
        # factors even over 1 +- 0.3: variance 0.3**2 / 3; and each count is a binomial one
        expected = np.sqrt(0.3**2 / 3 + 0.9 / mean)
        assert counts.std() / mean == pytest.approx(expected, rel=0.05)
    even = RulePattern("unstructured", *LARGE, {"keep_permille": 100, "spread_permille": 0})
    mask = even.mask()
    assert np.mean(mask[1:] & mask[:-1]) == pytest.approx(0.01, rel=0.05)
    assert np.mean(mask[:, ::2] & mask[:, 1::2]) == pytest.approx(0.01, rel=0.05)


def test_an_odd_column_and_a_whole_matrix() -> None:
    full = RulePattern("unstructured", 9, 7, {"keep_permille": 1000})
    assert full.density == 1
    odd = RulePattern("unstructured", 4000, 7, {"keep_permille": 300, "spread_permille": 0})
    assert column_counts(odd) == pytest.approx(np.full(7, 1200), rel=0.1)


def test_nm_and_banks_keep_equally_many_in_every_group() -> None:
    nm = RulePattern("nm", 50, 64, {"n": 2, "m": 8})
    assert (nm.mask().reshape(50, 8, 8).sum(2) == 2).all()
    banks = RulePattern("bank_balanced", 50, 64, {"bank": 16, "keep_permille": 100}).mask()
    kept = banks.reshape(50, 4, 16).sum(2)
    assert (kept == kept[:, :1]).all() and set(kept[:, 0]) == {1, 2}
    with pytest.raises(InputError, match="cols 63 is no multiple of m 8"):
        RulePattern("nm", 50, 63, {"n": 2, "m": 8})


def test_blocks_are_whole_and_cut_at_the_edge() -> None:
    pattern = RulePattern("block_sparse", 50, 37, {"block": 8, "keep_permille": 400})
    mask = np.pad(pattern.mask(), ((0, 6), (0, 3)), constant_values=False)
    whole = np.pad(np.ones((50, 37), bool), ((0, 6), (0, 3)))
    blocks = mask.reshape(7, 8, 5, 8).any(axis=(1, 3))
    assert blocks.sum() == 14
    assert np.array_equal(mask, np.repeat(np.repeat(blocks, 8, 0), 8, 1) & whole)


def test_contextual_neurons_are_hot_or_follow_a_power_law_and_adjacent_tokens_overlap() -> None:
    pattern = RulePattern("contextual", 4096, 2048, {"keep_permille": 100, "seed": 3})
    rate = np.sort(column_counts(pattern) / 4096)[::-1]
    assert rate[:41] == pytest.approx(np.full(41, 0.9), abs=0.06)  # hot: 20 per mille
    assert rate[141] / rate[1641] == pytest.approx((1600 / 100) ** 0.5, rel=0.25)
    alone = RulePattern(
        "contextual", 4096, 2048, {"keep_permille": 100, "seed": 3, "follow_permille": 0}
    )
    reuse, independent = (key_reuse(p, 4096).jaccard for p in (pattern, alone))
    assert reuse > independent + 0.1
    assert column_counts(alone).argmax() in np.argsort(column_counts(pattern))[-60:]
