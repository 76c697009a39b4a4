"""Best designs: over all workloads only those that ran on each, and in every workload."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from accelsim.analysis.best import best_designs, designs_of

ROWS = [
    ("m", 1.0, "short", 4, 5.0),
    ("m", 1.0, "long", 400, 5.0),
    ("m", 2.0, "short", 1, 6.0),
    ("m", 2.0, "long", 900, 6.0),
    ("m", 4.0, "short", 0.5, 7.0),  # failed on the long one
    ("n", np.nan, "short", 3, 4.0),
    ("n", np.nan, "long", 297, 4.0),
]
FRAME = pd.DataFrame(ROWS, columns=["architecture", "a", "workload", "time", "area"])
GOALS = {"time": "minimise", "area": "maximise"}


def found(frame=FRAME):
    designs = designs_of(frame, ["architecture", "a"], ["workload"], list(GOALS))
    return designs, best_designs(frame, designs, GOALS)


def test_only_designs_that_ran_on_every_workload_are_averaged():
    designs, best = found()
    assert designs.table["cases"].tolist() == [2, 2, 1, 2]
    whole, short, long = (b for b in best if b.figure == "time")
    assert whole.case == () and whole.row["architecture"] == "n" and np.isnan(whole.row["a"])
    assert (whole.value, whole.of, whole.gain) == pytest.approx((29.849623, 3, 40 / 29.849623))
    assert (short.case, short.row["a"], short.value, short.gain) == (("short",), 4, 0.5, 8)
    assert (long.case, long.row["architecture"], long.of) == (("long",), "n", 3)


def test_an_objective_may_be_maximised():
    whole = next(b for b in found()[1] if b.figure == "area")
    assert (whole.row["a"], whole.value, whole.gain) == pytest.approx((2, 6, 1.5))


def test_without_a_complete_design_only_workloads_have_a_best():
    designs, best = found(FRAME[(FRAME.a == 1) & (FRAME.workload == "short") | (FRAME.a == 4)])
    assert len(designs.cases) == 1  # a workload on which nothing ran counts for none
    frame = FRAME.iloc[[0, 3]]
    assert designs_of(frame, ["a"], ["workload"], ["time"]).complete().empty
    assert [b.case for b in found(frame)[1] if b.figure == "time"] == [("short",), ("long",)]


def test_figures_that_are_not_positive_have_an_arithmetic_mean_and_no_gain():
    frame = FRAME.assign(time=FRAME["time"] - 3)
    designs, best = found(frame)
    assert designs.means == {"time": "mean", "area": "geometric mean"}
    assert best[0].value == pytest.approx((0 + 294) / 2)
    assert next(b for b in best if b.case == ("short",)).gain is None


def test_the_same_design_twice_counts_once():
    twice = pd.concat([FRAME, FRAME.assign(time=1e-9)])
    assert designs_of(twice, ["architecture", "a"], ["workload"], ["time"]).table.equals(
        designs_of(FRAME, ["architecture", "a"], ["workload"], ["time"]).table
    )
