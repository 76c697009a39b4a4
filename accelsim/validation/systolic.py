"""Suite `systolic`: serial folds against SCALE-Sim v3, and a TPU-like array against its paper."""

from __future__ import annotations

import re
from pathlib import Path

from accelsim.errors import InputError
from accelsim.kernels.systolic import IS, OS, SERIAL, TPU, WS, stream_slots, systolic_gemm
from accelsim.validation.outcome import FORMULA, Row
from accelsim.validation.table import Line, Table, read_table

BUILT_IN = ("systolic.csv", "systolic_tpu.csv")

_DATAFLOW = {"ws": WS, "os": OS, "is": IS}
_SCALESIM = ("array_rows", "array_cols", "dataflow", "M", "N", "K", "pure_cycles")
_PUBLISHED = ("accelerator", "workload", "published_value")
_PERCENT_ROUNDING = 6e-5  # four decimals, and a little for the last digit of a double


def read_rows(path: Path) -> list[Row]:
    """Run every case of a CSV file with SCALE-Sim's or the published table's columns.

    Raises
    ------
    InputError
        The file cannot be used; the message names line and column.
    """
    table = read_table(path)
    if "published_value" in table.columns:
        return _published(table)
    table.require(_SCALESIM)
    return [_scalesim(line, table) for line in table.lines]


def _scalesim(line: Line, table: Table) -> Row:
    rows, columns = line.integer("array_rows"), line.integer("array_cols")
    m, n, k = (line.integer(name) for name in ("M", "N", "K"))
    name = line.choice("dataflow", _DATAFLOW)
    _check_size(line, m, n, k, rows, columns)
    dataflow = _DATAFLOW[name]
    cycles, *_ = systolic_gemm(dataflow, SERIAL, m, n, k, rows, columns, 1)
    percent = {
        "overall_util": 100 * m * n * k / (cycles * rows * columns) if cycles else 0.0,
        "mapping_eff": 100 * m * n * k / stream_slots(dataflow, m, n, k, rows, columns),
    }
    notes = [
        f"{column} {line.number_at(column):.4f}, model {value:.4f}"
        for column, value in percent.items()
        if column in table.columns and abs(line.number_at(column) - value) > _PERCENT_ROUNDING
    ]
    return Row(
        case=f"{rows}x{columns} {name} M={m} N={n} K={k}",
        reference=line.integer("pure_cycles", least=0, most=2**62),
        model=int(cycles),
        note="; ".join(notes),
    )


def _published(table: Table) -> list[Row]:
    table.require(_PUBLISHED)
    return [tpu_row(line) for line in table.lines]


def tpu_row(line: Line) -> Row:
    """One row of the published table of a TPU-like array."""
    rows, columns = _numbers(line, "accelerator", r"(\d+)\s*x\s*(\d+)", "a size such as 128x128")
    m, n, k = _numbers(
        line, "workload", r"M=(\d+)\s+N=(\d+)\s+K=(\d+)", "sizes such as M=128 N=2048 K=4096"
    )
    _check_size(line, m, n, k, rows, columns)
    cycles, *_ = systolic_gemm(WS, TPU, m, n, k, rows, columns, 1)
    return Row(
        case=f"{rows}x{columns} TPU-like M={m} N={n} K={k}",
        reference=line.integer("published_value", least=0, most=2**62),
        model=int(cycles),
        label=FORMULA,
    )


def _numbers(line: Line, column: str, pattern: str, expected: str) -> tuple[int, ...]:
    found = re.search(pattern, line.text(column))
    numbers = tuple(int(text) for text in found.groups()) if found else ()
    if not numbers or min(numbers) < 1 or max(numbers) >= 2**31:
        raise InputError(
            f"expected {expected}, found '{line.text(column)}'",
            where=line.where(column),
            remedy="correct the value",
        )
    return numbers


def _check_size(line: Line, m: int, n: int, k: int, rows: int, columns: int) -> None:
    edge = 2 * rows + columns
    if (m + edge) * (n + edge) * (k + edge) >= 2**62:
        raise InputError(
            f"M={m}, N={n}, K={k} on {rows}x{columns} is too large to be counted in 64 bits",
            where=f"{line.file}, line {line.number}",
            remedy="use a smaller case",
        )
