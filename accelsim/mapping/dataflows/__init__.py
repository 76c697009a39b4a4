"""What a product costs under each dataflow of a composed array: one entry a kind.

A new dataflow is a record in `accelsim.arch.dataflows`, a kernel, a file here and a row below.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from accelsim.arch.composed import ComposedArray
from accelsim.mapping.dataflows.flexible import flexible_cost
from accelsim.mapping.dataflows.flexible_serial import flexible_serial_cost
from accelsim.mapping.dataflows.gustavson import gustavson_cost
from accelsim.mapping.dataflows.inner import inner_cost
from accelsim.mapping.dataflows.outer import cartesian_cost, condensed_cost, outer_cost
from accelsim.mapping.dataflows.problem import Cost, Problem
from accelsim.mapping.dataflows.row_split import row_split_cost
from accelsim.mapping.dataflows.rows import broadcast_cost, gather_reduce_cost
from accelsim.mapping.dataflows.structured import structured_cost

__all__ = ["COSTS", "Cost", "Problem", "cheapest"]

COSTS: dict[str, Callable[[Problem, Any, ComposedArray], Cost]] = {
    "inner": inner_cost,
    "gustavson": gustavson_cost,
    "outer": outer_cost,
    "condensed_outer": condensed_cost,
    "cartesian": cartesian_cost,
    "structured": structured_cost,
    "flexible": flexible_cost,
    "flexible_serial": flexible_serial_cost,
    "row_split": row_split_cost,
    "broadcast": broadcast_cost,
    "gather_reduce": gather_reduce_cost,
}


def cheapest(problem: Problem, array: ComposedArray) -> tuple[str, Cost]:
    """The dataflow of the array that takes the fewest cycles, and its cost.

    Of a sampled product, inner products and row split make the wanted outputs alone; the other
    dataflows make all of them and drop the rest, which is not effectual.
    """
    found = [(flow.kind, COSTS[flow.kind](problem, flow, array)) for flow in array.dataflows]
    kind, cost = min(found, key=lambda entry: entry[1].cycles + entry[1].merge_cycles)
    if problem.kept is not None:
        cost = replace(cost, macs=problem.macs, outputs=problem.outputs)
    return kind, cost
