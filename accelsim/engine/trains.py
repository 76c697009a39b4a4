"""The pace of trains, measured on the request-level channels of a part."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from accelsim.engine.dram import run_stream
from accelsim.kernels import dram_fields as k
from accelsim.kernels.trains import PARTS

LINES = 1 << 16
WIDTH = 64


class Pace(NamedTuple):
    """Parts (1 / `PARTS` ps) of a line and of a refresh; parts from one refresh to the next."""

    line: int
    stall: int
    every: int


def pace(part: np.ndarray, clock_ps: int, stacks: int) -> Pace:
    """Run a sequential stream with and without refresh.

    Parameters
    ----------
    part : int64[T_FIELDS]
    clock_ps : int
    stacks : int
        How many there are; lines take turns over them.
    """
    return _pace(np.ascontiguousarray(part, np.int64).tobytes(), clock_ps, stacks)


@lru_cache(maxsize=64)
def _pace(part: bytes, clock_ps: int, stacks: int) -> Pace:
    vector = np.frombuffer(part, np.int64).copy()
    every = int(vector[k.T_REFRESH_EVERY])
    lines = LINES * int(vector[k.T_CHANNELS])
    stream = np.arange(lines) << int(vector[k.T_SHIFT]), np.zeros(lines, bool)
    with_refresh = run_stream(vector, [stream], width=WIDTH).clocks if every else 0
    vector[k.T_REFRESH_EVERY] = 0
    without = run_stream(vector, [stream], width=WIDTH).clocks
    line = round(PARTS * without * clock_ps / lines / stacks)
    if not every:
        return Pace(line, 0, 0)
    stall = PARTS * clock_ps * (with_refresh - without) * every // with_refresh
    return Pace(line, stall, PARTS * clock_ps * every)
