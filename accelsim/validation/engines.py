"""Suite `engines`: the compiled engine against the reference engine, on workloads as mapped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from accelsim.arch.load import load_arch
from accelsim.engine.run import run
from accelsim.mapping.trace import map_trace
from accelsim.validation.outcome import Row
from accelsim.validation.table import Line, read_table
from accelsim.workload.trace import find_trace, read_trace

BUILT_IN = ("engines.csv",)

_COLUMNS = ("workload", "architecture")
_COMPARED = ("start", "finish", "server_free", "cause", "blame", "bank_stall_ps", "request_finish")


def read_rows(path: Path) -> Iterator[Row]:
    """Map and run every (workload, architecture) of a CSV file on both engines.

    A row is the total time; beside it every task's start, finish and cause and every request's
    finish must be the same.

    Raises
    ------
    InputError
        The file cannot be used, or names what is not there.
    """
    table = read_table(path)
    table.require(_COLUMNS)
    return (_case(line) for line in table.lines)


def _case(line: Line) -> Row:
    workload, machine = (line.text(name) for name in _COLUMNS)
    program = map_trace(read_trace(find_trace(workload)), load_arch(machine)).program
    found, expected = (run(program, name, True) for name in ("compiled", "reference"))
    differing = {
        name: int(np.count_nonzero(getattr(found, name) != getattr(expected, name)))
        for name in _COMPARED
    }
    return Row(
        case=f"{workload} on {machine}, {program.tasks:,} tasks, "
        f"{found.request_finish.size:,} requests",
        reference=int(expected.finish.max()),
        model=int(found.finish.max()),
        note=", ".join(f"{count} of {name} differ" for name, count in differing.items() if count),
        label="reference engine",
    )
