"""Suite `mesh`: the output-stationary mesh against STONNE."""

from __future__ import annotations

from pathlib import Path

from accelsim.errors import InputError
from accelsim.kernels.mesh import mesh_gemm
from accelsim.validation.outcome import Row
from accelsim.validation.table import Line, read_table

BUILT_IN = ("mesh.csv",)

_COLUMNS = ("ms_rows", "ms_cols", "dn_bw", "rn_bw", "M", "N", "K", "cycles")
_SIDE = 4096
_SIZE = 2**20


def read_rows(path: Path) -> list[Row]:
    """Run every case of a CSV file with the columns of STONNE's mesh table (`id` is optional).

    Raises
    ------
    InputError
        The file cannot be used; the message names line and column.
    """
    table = read_table(path)
    table.require(_COLUMNS)
    return [_case(line) for line in table.lines]


def _case(line: Line) -> Row:
    rows, columns = (line.integer(name, most=_SIDE) for name in ("ms_rows", "ms_cols"))
    dn_bw, rn_bw = (line.integer(name, most=_SIDE * _SIDE) for name in ("dn_bw", "rn_bw"))
    m, n, k = (line.integer(name, most=_SIZE) for name in ("M", "N", "K"))
    per_port, rest = divmod(rows + columns, dn_bw)
    if rest or per_port & (per_port - 1) or not per_port:
        raise InputError(
            f"expected {rows}+{columns} edge lines over 1, 2, 4, ... lines a port, found {dn_bw}",
            where=line.where("dn_bw"),
            remedy="STONNE's distribution trees need a power of two",
        )
    name = line.fields.get("id") or f"line {line.number}"
    return Row(
        case=f"{name}: {rows}x{columns} dn_bw={dn_bw} M={m} N={n} K={k}",
        reference=line.integer("cycles", least=0, most=2**62),
        model=int(mesh_gemm(m, n, k, rows, columns, dn_bw, rn_bw)),
    )
