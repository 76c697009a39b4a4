"""Suite `sanger`: utilisation of Sanger's array on random masks, against its own definition.

A mask is drawn with a seed; the mean of `MASKS` of them is shown, since one 512 x 512 mask may be
off by the drawing alone. Tolerance: 0.01 at each density.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from accelsim.errors import InputError
from accelsim.kernels.row_split import row_split
from accelsim.validation.outcome import FORMULA, Row
from accelsim.validation.table import Line, read_table
from accelsim.workload.arrays import INDEX, pointers

BUILT_IN = ("sanger.csv",)
MASKS = 8

_COLUMNS = ("mask", "density", "segment", "pes", "utilisation")


def read_rows(path: Path) -> list[Row]:
    """Run every case of a CSV file with columns mask (as 512x512), density, segment, pes.

    Raises
    ------
    InputError
        The file cannot be used; the message names line and column.
    """
    table = read_table(path)
    table.require(_COLUMNS)
    return [_case(line) for line in table.lines]


def _case(line: Line) -> Row:
    size = re.fullmatch(r"(\d+)x(\d+)", line.text("mask"))
    rows, columns = (int(text) for text in size.groups()) if size else (0, 0)
    density = line.number_at("density")
    segment, pes = line.integer("segment", most=65536), line.integer("pes", most=65536)
    if not 0 < rows * columns <= 2**28:
        raise InputError(
            f"expected a size such as 512x512, found '{line.text('mask')}'",
            where=line.where("mask"),
            remedy="correct the value",
        )
    if not 0 < density <= 1:
        raise InputError(
            f"expected more than 0 and at most 1, found {density:g}",
            where=line.where("density"),
            remedy="correct the value",
        )
    used = slots = 0
    for seed in range(MASKS):
        mask = np.random.default_rng(seed).random((rows, columns)) < density
        sub_rows = np.zeros(rows, np.int64)
        indices = np.nonzero(mask)[1].astype(INDEX)
        row_split(pointers(mask.sum(axis=1)), indices, segment, pes, False, sub_rows)
        used += indices.size
        slots += int(sub_rows.sum()) * pes
    return Row(
        case=f"mask {rows}x{columns}, density {density:g}, {segment} columns on {pes} PEs",
        reference=line.number_at("utilisation"),
        model=round(used / slots, 4) if slots else 0.0,
        label=FORMULA,
        source=line.fields.get("source", ""),
    )
