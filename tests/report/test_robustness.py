"""Tables and console text of what a verdict rests on, and the command."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from accelsim.analysis.comparison import spread
from accelsim.report import robustness_tables as tables
from accelsim.report.robustness_text import robustness_text
from accelsim.report.tables import write_csv
from accelsim.sweep.ablation import Ablation
from accelsim.sweep.flip import Flip, Point
from accelsim.sweep.robustness import Robustness
from accelsim.sweep.spread import Within
from accelsim.sweep.what_if import WhatIf
from tests.sweep import rivals

FOUND = Robustness(
    workload="mine",
    level="simple",
    flips=(
        Flip(
            "DRAM bandwidth", "baseline", "GB/s", 50.0, 1.1, 0.5, 25.0, 0.98, 0.55, 0.5,
            (Point(0.5, 25.0, 0.98), Point(1.0, 50.0, 1.1)),
        ),
        Flip("batch", "third", "sequences", remark="not varied: a stored trace has one batch"),
    ),
    ablation=(
        Ablation("index unit", (("index", None), ("on_chip", "383 KiB")), 0.96, 1.16),
        Ablation("array", (("mapping.sparsity", False),), refused="leaves no scratchpad"),
    ),
    spreads=(
        Within("layers", "baseline", (0.9, 1.2), spread([0.9, 1.2])),
        Within("texts", "third", (), None, "not varied: one text"),
    ),
)  # fmt: skip
CHANGED = tables.Changed(
    "mine",
    "sparse_small",
    [WhatIf("DRAM x2", (("dram.stacks", 4),), 2_000, 1.5), WhatIf("x", (), refused="no")],
)


@pytest.mark.parametrize(
    ("table", "columns", "rows"),
    [
        (tables.flip_table([FOUND]), tables.FLIP_COLUMNS, 2),
        (tables.flip_points_table([FOUND]), tables.FLIP_POINT_COLUMNS, 2),
        (tables.ablation_table([FOUND]), tables.ABLATION_COLUMNS, 2),
        (tables.spread_within_table([FOUND]), tables.SPREAD_WITHIN_COLUMNS, 2),
        (tables.what_if_table([CHANGED]), tables.WHAT_IF_COLUMNS, 2),
    ],
    ids=["flip", "flip_points", "ablation", "spread_within", "what_if"],
)
def test_tables_have_the_declared_columns(table, columns, rows, tmp_path):
    assert list(table.columns) == [column.name for column in columns]
    assert len(table) == rows
    write_csv(table, tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text().count("\n") == rows + 1


def test_figures_stand_where_they_belong(tmp_path):
    flip = tables.flip_table([FOUND]).iloc[0]
    assert (flip.flip_value, flip.unit, flip.loses_at_factor) == (25.0, "GB/s", 0.5)
    unit, refused = tables.ablation_table([FOUND]).itertuples()
    assert unit.settings == "index=null; on_chip=383 KiB" and unit.loss == 1.16
    assert refused.settings == "mapping.sparsity=false" and refused.refused
    within = tables.spread_within_table([FOUND]).iloc[0]
    assert (within.number, within.minimum, within.verdict) == (2, 0.9, "sign not established")
    write_csv(tables.what_if_table([CHANGED]), tmp_path / "w.csv")
    lines = (tmp_path / "w.csv").read_text().splitlines()
    assert lines[1:] == [
        "mine,sparse_small,DRAM x2,dram.stacks=4,2000,1.5,",
        "mine,sparse_small,x,,,,no",
    ]


def test_the_console_says_all_of_it():
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(robustness_text(FOUND, {"baseline": "a", "candidate": "b"}))
    text = console.export_text()
    for part in ("25 GB/s", "1/2", "not varied: a stored trace", "x 1.160", "refused: leaves no",
                 "sign not established", "not varied: one text", "simple DRAM level"):  # fmt: skip
        assert part in text


def test_the_command_prints_and_writes(cli, tmp_path):
    from accelsim.workload.trace import write_trace

    folder = tmp_path / "small.trace"
    write_trace(folder, "small", [rivals.attention(rivals.stored())])
    out = tmp_path / "r.json"
    done = cli(
        "robustness", "--baseline", "systolic_32", "--candidate", "sparse_small",
        "--workload", folder, "--dram-level", "simple", "--only", "ablation", "--only", "spreads",
        "--texts", folder, "--set", "vector.lanes=64", "--json", out,
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "third" not in done.out and "+gather systolic_32_gather" in done.out
    found = json.loads(out.read_text())
    assert found["flips"] == [] and found["level"] == "simple"
    texts = [each for each in found["spreads"] if each["over"] == "texts"]
    assert len(texts[0]["speedups"]) == 2 and len(set(texts[0]["speedups"])) == 1


def test_the_command_refuses_what_it_does_not_know(cli):
    machines = ("--baseline", "systolic_32", "--candidate", "sparse_small")
    rest = (*machines, "--workload", "tiny_moe_lm")
    for option, value, known in (
        ("--only", "flip", "flips"),
        ("--axis", "lanes", "vector lanes"),
        ("--dram-level", "x", "simple"),
    ):
        done = cli("robustness", *rest, option, value)
        assert done.code == 3 and known in done.err
