"""Shapes and patterns that are easy to get wrong, on the small machines, with every invariant."""

from __future__ import annotations

from functools import cache

import pytest

from accelsim.analysis.result import Result
from accelsim.arch.load import load_arch
from accelsim.mapping.trace import map_trace
from accelsim.simulation import simulate
from tests.mapping import invariants
from tests.mapping.workloads import SMALL, edge_cases

CASES = edge_cases()
# So little on chip that keys, queries and results cannot stay.
TIGHT = ("on_chip=128 KiB", "mapping.prefetch=16 KiB", "mapping.activation_storage=16 KiB")
ROOM = {"roomy": (), "tight": TIGHT}


@cache
def result(case: str, machine: str, room: str) -> Result:
    return simulate(load_arch(machine, ROOM[room]), CASES[case])


@pytest.mark.parametrize("room", ROOM)
@pytest.mark.parametrize("machine", SMALL)
@pytest.mark.parametrize("case", CASES)
def test_invariants(case: str, machine: str, room: str) -> None:
    found = result(case, machine, room)
    for check in invariants.CHECKS:
        check(found)


@pytest.mark.parametrize("room", ROOM)
@pytest.mark.parametrize("machine", SMALL)
@pytest.mark.parametrize("case", CASES)
def test_unique_bytes(case: str, machine: str, room: str) -> None:
    mapped = map_trace(CASES[case], load_arch(machine, ROOM[room]))
    unique = {(op, int(kind)): size for (op, kind), size in mapped.unique_bytes.items()}
    invariants.unique_bytes_are_requested(result(case, machine, room), unique)


@pytest.mark.parametrize("room", ROOM)
@pytest.mark.parametrize("machine", SMALL)
@pytest.mark.parametrize("case", CASES)
def test_engines_agree(case: str, machine: str, room: str) -> None:
    invariants.engines_agree(result(case, machine, room))
