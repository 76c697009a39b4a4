"""Suite `stonne`: the SIGMA controller on STONNE's own bitmaps, iteration by iteration."""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from accelsim.errors import InputError
from accelsim.kernels.flexible_serial import ITERATION_COLUMNS, count_iterations, flexible_serial
from accelsim.validation.outcome import Row
from accelsim.validation.table import Line, read_table
from accelsim.workload.arrays import INDEX, pointers

BUILT_IN = ("stonne.csv",)
PATTERNS = Path(__file__).with_name("cases") / "stonne"

_COLUMNS = ("num_ms", "dn_bw", "rn_bw", "dataflow", "M", "N", "K", "pattern", "cycles")
_STATIONARY = {"MK_STA_KN_STR": "A", "MK_STR_KN_STA": "B"}
_SOURCE = "STONNE, measured"


def read_rows(path: Path, patterns: Path | None = None) -> list[Row]:
    """Run every case of a CSV file with the columns of STONNE's SIGMA table.

    Parameters
    ----------
    path : Path
    patterns : Path, optional
        Folder of the bitmaps that column `pattern` names: .npz with `A_fed`, `B_fed` (bit-packed,
        row by row) and `shape` = [M, N, K].

    Raises
    ------
    InputError
        A file that cannot be used; the message names file, line and column.
    """
    table = read_table(path)
    table.require(_COLUMNS)
    return [_case(line, patterns or PATTERNS) for line in table.lines]


def _case(line: Line, folder: Path) -> Row:
    num_ms, dn_bw, rn_bw = (line.integer(name, most=65536) for name in ("num_ms", "dn_bw", "rn_bw"))
    m, n, k = (line.integer(name, most=2**20) for name in ("M", "N", "K"))
    if num_ms < 2 or num_ms & (num_ms - 1):
        raise InputError(
            f"expected a power of two from 2 on, found {num_ms}",
            where=line.where("num_ms"),
            remedy="the reduction tree needs it",
        )
    if num_ms % dn_bw:
        raise InputError(
            f"{dn_bw} ports do not divide {num_ms} multipliers",
            where=line.where("dn_bw"),
            remedy="give a divisor",
        )
    side = _STATIONARY[line.choice("dataflow", _STATIONARY)]
    mask = _bitmap(line, folder, side, m, n, k)
    indptr = pointers(mask.sum(axis=1))
    indices = np.nonzero(mask)[1].astype(INDEX)
    streamed = n if side == "A" else m
    table = np.zeros((int(count_iterations(indptr, num_ms)), ITERATION_COLUMNS), np.int64)
    cycles = flexible_serial(indptr, indices, k, streamed, num_ms, dn_bw, rn_bw, table)
    name = line.fields.get("id") or f"line {line.number}"
    return Row(
        case=f"{name}: {num_ms} ms, dn {dn_bw}, rn {rn_bw}, M={m} N={n} K={k}, {side} stationary",
        reference=line.integer("cycles", least=0, most=2**62),
        model=int(cycles),
        source=_SOURCE,
    )


def _bitmap(line: Line, folder: Path, side: str, m: int, n: int, k: int) -> np.ndarray:
    """Stationary vectors as bool[vectors, K]."""
    path = folder / line.text("pattern")
    where = f"{line.where('pattern')}: {path}"
    key = f"{side}_fed"
    try:
        with np.load(path, allow_pickle=False) as content:
            shape = tuple(int(size) for size in content["shape"])
            bits = np.unpackbits(content[key])
    except (OSError, ValueError, BadZipFile):
        raise InputError(
            "cannot be read", where=where, remedy="name the folder of the bitmaps by --patterns"
        ) from None
    except KeyError as error:
        raise InputError(
            f"holds no array {error}", where=where, remedy=f"needed: {key}, shape"
        ) from None
    if shape != (m, n, k):
        raise InputError(
            f"is of M, N, K = {shape}, the line says {(m, n, k)}", where=where, remedy="correct one"
        )
    rows, columns = (m, k) if side == "A" else (k, n)
    if bits.size < rows * columns:
        raise InputError(
            f"{key} holds {bits.size} bits, expected {rows * columns}", where=where,
            remedy="pack the whole matrix",
        )  # fmt: skip
    mask = bits[: rows * columns].reshape(rows, columns).astype(bool)
    return mask if side == "A" else mask.T
