"""Top-k and mass selection against a naive reading of their definitions."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="capture needs the torch extra")

from accelsim.pytorch.selection import select_mass, select_topk  # noqa: E402


def causal_scores(rows: int = 24, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    scores = 3.0 * torch.randn(2, rows, rows, generator=generator)
    return scores.masked_fill(torch.ones(rows, rows, dtype=torch.bool).triu(1), -torch.inf)


@pytest.mark.parametrize("k", [1, 5, 24, 100])
def test_topk_keeps_the_best_visible_keys(k):
    scores = causal_scores()
    kept = select_topk(scores, k).numpy()
    for row, flags in zip(scores.reshape(-1, 24).numpy(), kept.reshape(-1, 24), strict=True):
        expected = [key for key in np.argsort(-row)[:k] if np.isfinite(row[key])]
        assert sorted(expected) == np.flatnonzero(flags).tolist()


@pytest.mark.parametrize("mass", [0.5, 0.95, 0.99])
def test_mass_is_reached_and_no_smaller_set_reaches_it(mass):
    scores = causal_scores()
    probabilities = scores.softmax(-1).double().reshape(-1, 24).numpy()
    kept = select_mass(scores, mass).reshape(-1, 24).numpy()
    for row, flags in zip(probabilities, kept, strict=True):
        assert row[flags].sum() >= mass - 1e-6
        assert row[flags].sum() - row[flags].min() < mass + 1e-6
        assert row[flags].min() >= row[~flags].max(initial=0.0)


def test_all_of_the_mass_keeps_no_invisible_key():
    scores = causal_scores()
    assert not select_mass(scores, 1.0)[scores == -torch.inf].any()


@pytest.mark.parametrize("mass", [0.0, -0.5, 1.5])
def test_mass_outside_its_range_is_refused(mass):
    with pytest.raises(ValueError, match="mass"):
        select_mass(causal_scores(), mass)


def test_topk_below_one_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        select_topk(causal_scores(), 0)
