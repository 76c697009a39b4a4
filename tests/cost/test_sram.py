"""The SRAM model: near to CACTI, also where it has not seen it, and never falling."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from accelsim.cost.load import load_cost_table
from accelsim.cost.sram import (
    QUANTITIES,
    CactiSram,
    cacti_nodes,
    cacti_points,
    evaluate,
    fits,
)
from accelsim.errors import InputError

NODES = (22, 32, 45)
SIZES = np.geomspace(1 << 10, 1 << 24, 85)
WIDTHS = np.geomspace(4, 128, 31)


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "tools" / "fit_sram.py"
    spec = importlib.util.spec_from_file_location("fit_sram", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_nodes():
    assert cacti_nodes() == list(NODES) and len(fits()) == len(NODES) * len(QUANTITIES)


@pytest.mark.parametrize("node", NODES)
@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("banks", [1, 2, 4, 8, 16])
def test_it_never_falls_with_size_or_width(node, quantity, banks):
    """Two ports are a factor over this grid, so they cannot change the order."""
    size, width = (axis.ravel() for axis in np.meshgrid(SIZES, WIDTHS, indexing="ij"))
    fit = fits()[node, quantity]
    values = evaluate(fit, size, width, np.full(size.shape, banks)).reshape(len(SIZES), -1)
    assert (np.diff(values, axis=0) > 0).all() and (np.diff(values, axis=1) >= 0).all()
    assert values.min() > 0 and fit.two_ports > 1


@pytest.mark.parametrize("node", NODES)
@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("ports", [0, 1])
def test_half_of_the_cacti_points_are_within_15_per_cent(node, quantity, ports):
    points = cacti_points()
    own = (points["tech_nm"] == node) & (points["two_ports"] == ports)
    shape = [points[name][own] for name in ("size_bytes", "width_bytes", "banks")]
    fit = fits()[node, quantity]
    fitted = evaluate(fit, *shape) * (fit.two_ports if ports else 1)
    errors = np.abs(fitted / points[quantity][own] - 1)
    assert np.median(errors) <= 0.15
    if not ports:
        assert np.median(errors) == pytest.approx(fit.median, abs=1e-4)
        assert np.quantile(errors, 0.9) == pytest.approx(fit.p90, abs=1e-4)


@pytest.mark.parametrize("node", NODES)
def test_sizes_that_were_left_out_are_within_15_per_cent(tool, node):
    """And the shipped fit is what the tool makes of the shipped points."""
    for quantity in QUANTITIES:
        again, shipped = tool.fitted(node, quantity), fits()[node, quantity]
        assert again.held_out_median <= 0.15, quantity
        shape = [SIZES, np.full(SIZES.shape, 16.0), np.full(SIZES.shape, 4)]
        np.testing.assert_allclose(evaluate(again, *shape), evaluate(shipped, *shape), rtol=5e-3)
        np.testing.assert_allclose(again[1:], shipped[1:], atol=2e-3)


def test_left_out_sizes_are_really_left_out(tool):
    points = cacti_points()
    one = tool.subset(points, (points["tech_nm"] == 22) & (points["two_ports"] == 0))
    small = tool.subset(one, one["size_bytes"] < 1 << 20)
    assert not np.array_equal(tool.solve(one, "read"), tool.solve(small, "read"))


def test_a_shape_costs_what_the_fit_says():
    cost = CactiSram(22).cost(1 << 18, 16)
    fit = fits()[22, "read"]
    one = [np.array([float(x)]) for x in (1 << 18, 16, 1)]
    assert cost.read.value == pytest.approx(evaluate(fit, *one)[0])
    assert cost.read.high == pytest.approx(cost.read.value * (1 + fit.p90))
    assert cost.area.unit == "um2" and 0.2e6 < cost.area.value < 0.3e6  # CACTI: 0.234 mm2
    assert cost.leakage is not None and cost.access is not None and not cost.extrapolated
    two = CactiSram(22).cost(1 << 18, 16, 1, "one read, one write")
    assert two.area.value == pytest.approx(cost.area.value * fits()[22, "area"].two_ports)


def test_out_of_range_is_marked_and_far_out_is_refused():
    beyond = CactiSram(45).cost(24 << 20, 64, 32)
    assert beyond.extrapolated and beyond.read.mark == "assumed"
    assert "out of the range of the CACTI runs" in beyond.read.derivation
    with pytest.raises(InputError, match="size in bytes of 1,073,741,824 is too far"):
        CactiSram(45).cost(1 << 30, 64)
    with pytest.raises(InputError, match="width in bytes of 0 is too far"):
        CactiSram(45).cost(1 << 20, 0)


def test_a_node_without_runs_is_refused():
    with pytest.raises(InputError, match="unknown node 14 nm.*known: 22, 32, 45"):
        CactiSram(14)


def test_7_nm_goes_through_its_own_figures():
    sram = load_cost_table("7nm").sram()
    for size, pj in ((8 << 10, 7.5), (32 << 10, 8.5), (1 << 20, 14)):
        assert sram.cost(size, 8).read.value == pytest.approx(pj)
    local, shared = sram.cost(4 << 20, 8), sram.cost(128 << 20, 8)
    assert local.read.value / 64 == pytest.approx(0.249)
    assert local.write.value / 64 == pytest.approx(0.293)
    assert shared.read.value / 64 == pytest.approx(1.88)
    assert shared.write.value / 64 == pytest.approx(2.36)
    assert shared.area.value == pytest.approx(112e6)
    assert shared.access is None


def test_7_nm_never_falls_and_says_what_it_assumes():
    sram = load_cost_table("7nm").sram()
    costs = [sram.cost(size, 8) for size in np.geomspace(1 << 10, 1 << 28, 60)]
    for name in ("read", "write", "area"):
        assert (np.diff([getattr(cost, name).value for cost in costs]) > 0).all()
    assert [cost.extrapolated for cost in (costs[0], costs[30], costs[-1])] == [True, False, True]
    assert costs[30].read.unverified and "power law between" in costs[30].read.derivation[-2]
