"""The pace of trains, measured at request level on the DRAM of a chip."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from accelsim.engine.builder import ProgramBuilder
from accelsim.engine.dram import run_stream
from accelsim.engine.program import Dram, Order, Program, Units
from accelsim.kernels import dram_fields as k
from accelsim.kernels.trains import PARTS

LINES = 1 << 16  # of a channel, for refreshes enough
TRAINS = 1 << 10  # of the longest, where none are met
WIDTH = 64
LEAST = 16  # lines of a train
SIZES = 4  # of short pieces, each up to twice as long as the one before
MOST_STRIDES = 32  # measured for a Program
TASK_LINES = 1 << 10
READS_A_WRITE = 4  # in all, so that writes always meet reads


class Chip(NamedTuple):
    """What the pace depends on: `load`, `store` are clock, lines outstanding and a cycle, crossing.

    They are the first units of the chip that read and that write; empty where there is none.
    """

    part: bytes
    load: tuple[int, ...]
    store: tuple[int, ...]
    channels: int
    line_bytes: int
    interleave_bytes: int
    clock_ps: int
    permute: int

    @classmethod
    def of(cls, program: Program, chip: int) -> Chip:
        """A chip of a Program."""
        d, u = program.dram, program.units
        able = (u.outstanding > 0) & (u.chip == chip)
        names = ("clock_ps", "outstanding", "issue_per_cycle", "crossing_ps")
        load, store = (
            tuple(
                int(getattr(u, name)[unit])
                for unit in np.flatnonzero(able & (u.is_write == is_write))[:1]
                for name in names
            )
            for is_write in (0, 1)
        )
        of_dram = (int(getattr(d, name)[chip]) for name in cls._fields[3:])
        return cls(d.part.tobytes(), load, store, *of_dram)

    @property
    def lines(self) -> int:
        """Lines of a measurement without refresh."""
        return TRAINS * int(np.frombuffer(self.part, np.int64)[k.T_TRAIN])

    def vector(self) -> np.ndarray:
        """The part without refresh and trains."""
        vector = np.frombuffer(self.part, np.int64).copy()
        vector[[k.T_REFRESH_EVERY, k.T_TRAIN]] = 0
        return vector

    def dram(self) -> Dram:
        """The DRAM at request level, without refresh."""
        ones = np.ones(1, np.int64)
        return Dram(
            channels=self.channels * ones, line_bytes=self.line_bytes * ones, row_bytes=ones,
            interleave_bytes=self.interleave_bytes * ones, banks=ones, queue_depth=ones,
            clock_ps=self.clock_ps * ones, burst_ps=ones, activate_ps=ones, row_hit_ps=ones,
            row_miss_ps=ones, return_ps=0 * ones, permute=self.permute * ones, part=self.vector(),
        )  # fmt: skip


class Pace(NamedTuple):
    """What lines take, in parts (1 / `PARTS`) of a ps.

    `line` : a line of a stream; `stall` : a refresh; `every` : from one refresh to the next;
    `turn` : what a write
    takes longer than a read when it comes behind reads. `posted_ps` : before a write has moved,
    when the write queues have room for it; no less than a read takes from its arrival to its data,
    by which trains are behind arrivals.
    """

    line: int
    stall: int
    every: int
    turn: int
    posted_ps: int


def shortest(part: np.ndarray) -> int:
    """Least lines of a train."""
    return min(LEAST, int(part[k.T_TRAIN]))


def row_sets(dram: Dram) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How the rows of each chip lie in its addresses, each int64[chips].

    Returns
    -------
    beside : bytes that lie side by side in one row, from a multiple on; powers of two
    set_bytes : bytes that fill whole rows side by side, each of another bank, from a multiple on
    set_rows : how many rows; `NEVER` where stacks take turns in blocks that do not fill rows
    """
    part = dram.part
    fields = {
        int(part[getattr(k, f"T_{name}_AT")]): int(part[getattr(k, f"T_{name}_MASK")])
        for name in ("CHANNEL", "RANK", "GROUP", "BANK", "ROW")
        if part[getattr(k, f"T_{name}_MASK")]
    }
    # From the highest on, fields that lie one below the other; what comes below is a column.
    whole = max(fields, default=0)
    while below := [at for at in fields if at + fields[at].bit_length() == whole]:
        whole = below[0]
    rows = math.prod(mask + 1 for at, mask in fields.items() if at < whole)
    stacks = dram.channels // part[k.T_CHANNELS]
    row_bytes, blocks = 1 << (whole + int(part[k.T_SHIFT])), dram.interleave_bytes
    beside = np.minimum(1 << (min(fields, default=0) + int(part[k.T_SHIFT])), blocks & -blocks)
    return beside, stacks * row_bytes, np.where(row_bytes % blocks == 0, stacks * rows, k.NEVER)


@lru_cache(maxsize=64)
def pace(chip: Chip) -> Pace:
    """Run a stream with and without refresh, and reads with writes."""
    vector = np.frombuffer(chip.part, np.int64).copy()
    stacks = chip.channels // int(vector[k.T_CHANNELS])
    every = int(vector[k.T_REFRESH_EVERY])
    lines = LINES * int(vector[k.T_CHANNELS])
    with_refresh = _stream(chip.part, lines) if every else 0
    without = _stream(chip.vector().tobytes(), lines)
    line = round(PARTS * without * chip.clock_ps / lines / stacks)
    latency = int(vector[k.T_RCD_READ] + vector[k.T_READ_DONE]) * chip.clock_ps
    posted = latency + chip.channels * int(vector[k.T_WRITES]) * line // PARTS
    turn = max(0, _turn(chip, line)) if chip.load and chip.store else 0
    if not every:
        return Pace(line, 0, 0, turn, posted)
    stall = PARTS * chip.clock_ps * (with_refresh - without) * every // with_refresh
    return Pace(line, stall, PARTS * chip.clock_ps * every, turn, posted)


@lru_cache(maxsize=64)
def _stream(part: bytes, lines: int) -> int:
    """Clocks of a sequential stream."""
    vector = np.frombuffer(part, np.int64).copy()
    stream = np.arange(lines) << int(vector[k.T_SHIFT]), np.zeros(lines, bool)
    return run_stream(vector, [stream], width=WIDTH).clocks


def run_paces(program: Program) -> np.ndarray:
    """Parts that a line of every memory run takes in a train, int64[runs].

    A piece of at least `LEAST << SIZES` lines is a stream. The pace of shorter ones is that of
    pieces of their size (a power of two) in random places, or if the run has several, at their
    stride.
    """
    p = program
    owner = np.repeat(np.arange(p.tasks), np.diff(p.run_ptr))
    of_chip = p.units.chip[p.unit[owner]]
    paces = np.zeros(p.run_address.size, np.int64)
    for number in range(p.dram.channels.size):
        chip = Chip.of(p, number)
        mine = np.flatnonzero(of_chip == number)
        lines = -(-p.run_bytes[mine] // chip.line_bytes)
        size = np.log2(np.maximum(lines / shortest(p.dram.part), 0.5)).astype(np.int64)
        paces[mine] = pace(chip).line
        short = (lines >= shortest(p.dram.part)) & (size < SIZES) & bool(chip.load)
        stride = np.where(p.run_count[mine] > 1, np.abs(p.run_stride[mine]), 0)
        kinds, kind, often = np.unique(
            np.stack([size[short], stride[short]], axis=1),
            axis=0, return_inverse=True, return_counts=True,
        )  # fmt: skip
        measured = np.argsort(-often, kind="stable")[:MOST_STRIDES]
        kinds[np.setdiff1d(np.arange(len(kinds)), measured), 1] = 0
        found = [_of_pieces(chip, shortest(p.dram.part) << int(s), int(d)) for s, d in kinds]
        if found:
            paces[mine[short]] = np.array(found, np.int64)[kind.ravel()]
    return paces


@lru_cache(maxsize=1024)
def _of_pieces(chip: Chip, lines: int, stride: int) -> int:
    """Parts of a line of pieces of so many lines anywhere in a GiB.

    With a `stride` above 0 as many as make a task lie at it, and the next task anywhere.
    """
    size = lines * chip.line_bytes
    together = max(1, TASK_LINES // lines)
    tasks = max(1, chip.lines // (together * lines))
    shape = (tasks, 1) if stride else (tasks, together)
    first = np.random.default_rng(0).integers(0, (1 << 30) // size, shape) * size
    builder = ProgramBuilder()
    for some in first + np.arange(together) * stride:
        nothing = np.zeros_like(some)
        runs = np.stack([some, nothing, nothing + size, nothing + 1], axis=1)
        builder.memory_task(0, runs)
    total = _picoseconds(builder.build(_units(chip.load), [], [], chip.dram()))
    return max(pace(chip).line, round(PARTS * total / (tasks * together * lines)))


def _turn(chip: Chip, line: int) -> int:
    """Parts that a write takes longer than a line, written while a stream of reads goes on."""
    size = TASK_LINES * chip.line_bytes
    rounds = max(1, chip.lines // (TASK_LINES * (READS_A_WRITE + 1)))
    builder = ProgramBuilder()
    for number in range(rounds):
        for part in range(READS_A_WRITE):
            where = (number * READS_A_WRITE + part) * size
            builder.memory_task(0, np.array([[where, 0, size, 1]]))
        builder.memory_task(1, np.array([[(1 << 29) + number * size, 0, size, 1]]))
    units = _units(chip.load, chip.store)
    total = _picoseconds(builder.build(units, [], [], chip.dram()))
    writes = rounds * TASK_LINES
    return round(PARTS * total / writes) - (READS_A_WRITE + 1) * line


def _units(*known: tuple[int, ...]) -> Units:
    """A load, and if there is one a store."""
    count = len(known)
    ones = np.ones(count, np.int64)
    clock, outstanding, issue, crossing = np.array(known, np.int64).T
    return Units(
        name=("load", "store")[:count], servers=4 * ones, order=int(Order.READY_FIRST) * ones,
        clock_ps=clock, chip=0 * ones, outstanding=outstanding, issue_per_cycle=issue,
        return_bytes_per_cycle=0 * ones, crossing_ps=crossing, is_write=np.arange(count),
        banks=0 * ones, bank_bytes=0 * ones, bank_queue=0 * ones,
    )  # fmt: skip


def _picoseconds(program: Program) -> int:
    """How long a Program takes, but for the way of its first line."""
    # Imported here: the engine asks for the pace in turn.
    from accelsim.engine.compiled import run_compiled

    part = program.dram.part
    first = int(part[k.T_RCD_READ] + part[k.T_READ_DONE]) * int(program.dram.clock_ps[0])
    return run_compiled(program).total_ps - first
