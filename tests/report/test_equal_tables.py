"""Machines made equal, on the console, in equal.csv and on the page."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from accelsim.analysis.comparison import AtEqual, Comparison, OverRange, Scaled
from accelsim.cost.load import load_cost_table
from accelsim.report.equal_tables import equal_table
from accelsim.report.page.cells import Cell
from accelsim.report.page.equal import equal_part
from accelsim.report.page.ledger import Ledger
from accelsim.report.study import Study
from accelsim.report.text import comparison_text
from accelsim.report.words import equal_range_lines
from tests.report.test_text import shown

UNSEEN = "the range of 45nm was not looked at: cannot have 9 mm2"
HOW = Scaled("columns", "38 rows: 1.02x slower", 1.019, 1.25, 1.1, 29.0, 31.0, "32 -> 40 columns")
OVER = OverRange(1.1, 1.0, 1.2, "wire", (1.05, 1.02, 1.1), 1.2)


@pytest.fixture
def unseen(few: Comparison) -> Comparison:
    """Two rivals that were scaled, of which the range was looked at for one."""
    how, ranges = dict.fromkeys(("baseline", "third"), HOW), {"third": OVER}
    remarks = {"baseline": "cannot have 9 mm2"}
    equal = AtEqual("area", "mm2", "45nm", "candidate", 31.0, how, ranges, remarks, {})
    return replace(few, at_equal=equal)


def test_a_range_that_was_not_looked_at_is_a_line(unseen: Comparison) -> None:
    first, second = equal_range_lines(unseen)
    assert first == f"few, candidate over baseline at equal area: {UNSEEN}"
    assert second.startswith("few, candidate over +gather at equal area: 1.05x (1.20x as they are)")
    assert first in " ".join(shown(comparison_text(unseen)).split())


def test_a_range_that_was_not_looked_at_is_a_remark_of_the_table(unseen: Comparison) -> None:
    base, third = equal_table([unseen]).to_dict("records")
    assert (base["remark"], third["remark"]) == (UNSEEN, "")
    assert (base["way"], base["other_way"]) == ("columns", "38 rows: 1.02x slower")
    assert base["other_ratio"] == 1.019
    assert base["speedup"] == pytest.approx(unseen.speedup())
    assert all(math.isnan(base[f"speedup_{name}"]) for name in ("before", "low", "high"))
    assert (third["speedup_before"], third["speedup_low"], third["verdict"]) == (
        1.2,
        1.02,
        "faster",
    )


def test_a_range_that_was_not_looked_at_stands_on_the_page(unseen: Comparison) -> None:
    study = Study([unseen], [], load_cost_table("45nm"), [], [], [], [], {})
    part = equal_part(study, Ledger({"equal": equal_table([unseen])}))
    assert part is not None
    (_, who, before, speedup, *ends, said), third = part.rows
    assert (who, before, ends, said) == ("baseline", "-", ["-", "-"], UNSEEN)
    assert isinstance(speedup, Cell) and speedup.value == pytest.approx(unseen.speedup())
    assert all(isinstance(cell, Cell) for cell in third[2:-1]) and third[-1] == "faster"
    none = unseen.at_equal._replace(ranges={}, remarks={})  # a measure without a table
    assert (
        equal_part(study._replace(comparisons=[replace(unseen, at_equal=none)]), Ledger({})) is None
    )
