"""What holds for every run of every workload on every machine."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from accelsim.analysis.columns import STATES
from accelsim.analysis.result import TRAFFIC_NAMES, Result
from accelsim.engine.program import Program
from accelsim.engine.run import run
from accelsim.mapping.trace import map_trace
from accelsim.workload.operators import Attention, Matmul, Moe, Operator
from accelsim.workload.trace import Trace


def states_sum(result: Result) -> None:
    """Unit states are exclusive and fill servers x total."""
    for unit in result.units.to_dict("records"):
        times = [unit[f"{state}_ps"] for state in STATES]
        assert min(times) >= 0, unit
        assert sum(times) == unit["servers"] * result.total_ps, unit


def counters_fill_the_occupancy(result: Result) -> None:
    """Busy, stalled and filling time of a service task is its occupancy; waits are part of it."""
    p = result.program
    parts = ("busy_ps", "input_stall_ps", "conflict_stall_ps", "fill_ps")
    service = np.diff(p.run_ptr) == 0
    assert (sum(p.counters[name] for name in parts) == p.occupancy_ps)[service].all()
    assert all((values >= 0).all() for values in p.counters.values())
    assert (p.counters["imbalance_ps"] <= p.counters["input_stall_ps"]).all()


def utilization_is_the_product(result: Result) -> None:
    """Overall = occupancy x mapping efficiency x effectual fraction, each in [0, 1]."""
    s = result.summary
    factors = [s[n] for n in ("array_occupancy", "mapping_efficiency", "effectual_fraction")]
    for name, value in s.items():
        if name in ("overall_utilization", "fetch_efficiency") or value in factors:
            assert 0 <= value <= 1, (name, value)
    assert s["overall_utilization"] == pytest.approx(float(np.prod(factors)), rel=1e-9)


def operator_times_sum(result: Result) -> None:
    """Shares of the critical path sum to the total."""
    assert result.operators["time_ps"].sum() == result.total_ps == result.path["time_ps"].sum()
    assert (result.operators["time_ps"] >= 0).all()


def traffic_is_conserved(result: Result) -> None:
    """Requested + over-fetch = DRAM bytes, counted line by line; causes sum to the whole."""
    table, p = result.traffic, result.program
    repeats = np.array([op.repeat for op in result.trace.operators])[p.operator]
    assert (table["over_fetch_bytes"] >= 0).all()
    moved = table["requested_bytes"] + table["over_fetch_bytes"]
    assert (moved == table["dram_bytes"]).all()
    assert moved.sum() == result.summary["dram_bytes"] == result.operators["dram_bytes"].sum()
    line = int(p.dram.line_bytes[0])
    task, first, size = pieces(p)
    lines = (first + size - 1) // line - first // line + 1
    assert int(lines @ repeats[task]) * line == moved.sum()
    useful = p.counters["dram_useful_bytes"]
    assert useful @ repeats == table["requested_bytes"].sum()
    asked = np.bincount(task, size, p.tasks)
    gathered = p.counters["gathered_rows"] > 0  # asks for whole lines
    assert (asked == useful)[~gathered].all() and (asked >= useful).all()


def pieces(p: Program) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Task, address and bytes of every piece of every run."""
    task = np.repeat(np.arange(p.tasks), np.diff(p.run_ptr))
    run = np.repeat(np.arange(p.run_count.size), p.run_count)
    number = np.arange(run.size) - np.repeat(np.cumsum(p.run_count) - p.run_count, p.run_count)
    return task[run], p.run_address[run] + number * p.run_stride[run], p.run_bytes[run]


def distinct_bytes(program: Program) -> dict[tuple[int, int], int]:
    """Distinct bytes of every (operator, cause), from the addresses that are requested."""
    task, address, size = pieces(program)
    cause = program.counters["traffic"][task]
    found = {}
    for key in set(zip(program.operator[task].tolist(), cause.tolist(), strict=True)):
        mine = (program.operator[task] == key[0]) & (cause == key[1])
        order = np.argsort(address[mine], kind="stable")
        begin = address[mine][order]
        end = begin + size[mine][order]
        reached = np.concatenate([[0], np.maximum.accumulate(end)[:-1]])
        found[key] = int(np.maximum(0, end - np.maximum(begin, reached)).sum())
    return found


def unique_bytes_are_requested(result: Result, unique: dict[tuple[int, int], int]) -> None:
    """Every byte that an operator must move is requested, and no other is called unique."""
    spills = TRAFFIC_NAMES.index("spills")
    found = distinct_bytes(result.program)
    wanted = {(o, int(c)): n for (o, c), n in unique.items() if n and c != spills}
    found = {key: n for key, n in found.items() if key[1] != spills}
    p = result.program
    rounded = np.bincount(pieces(p)[0], pieces(p)[2], p.tasks) > p.counters["dram_useful_bytes"]
    loose = set(
        zip(p.operator[rounded].tolist(), p.counters["traffic"][rounded].tolist(), strict=True)
    )
    assert wanted.keys() == found.keys()
    assert all(found[key] >= n if key in loose else found[key] == n for key, n in wanted.items())
    names = dict(enumerate(TRAFFIC_NAMES))
    for row in result.traffic.to_dict("records"):
        assert row["unique_bytes"] <= row["requested_bytes"], row
        key = (row["operator"], TRAFFIC_NAMES.index(row["cause"]))
        assert names[key[1]] == "spills" or row["unique_bytes"] == wanted[key]


def ports_are_respected(result: Result) -> None:
    """No task moves more than its unit's share in the time it holds the unit."""
    p, arch = result.program, result.arch
    shares = arch.scratchpad.shares.of_units()
    cycles = p.occupancy_ps // arch.clock_ps
    for unit, name in enumerate(p.units.name):
        mine = (p.unit == unit) & (np.diff(p.run_ptr) == 0)
        read, write = p.counters["read_bytes"][mine], p.counters["write_bytes"][mine]
        if name not in shares:
            assert not read.any() and not write.any(), name
            continue
        assert (read <= cycles[mine] * shares[name].read).all(), name
        assert (write <= cycles[mine] * shares[name].write).all(), name
        every = p.unit == unit
        window = -(-result.replayed_ps // arch.clock_ps) * int(p.units.servers[unit])
        assert p.counters["read_bytes"][every].sum() <= window * shares[name].read
        assert p.counters["write_bytes"][every].sum() <= window * shares[name].write


def effectual_macs(op: Operator) -> int:
    """A count from the masks, by NumPy alone; predicting indices is overhead."""
    if isinstance(op, Matmul):
        a = np.ones((op.m, op.k), np.int64)
        b = np.ones((op.n, op.k), np.int64)
        if op.activation_pattern is not None:
            a = op.activation_pattern.mask().astype(np.int64)
        if op.output_pattern is not None:
            return int((a.sum(axis=1) @ op.output_pattern.mask()).sum())
        if op.weight_pattern is not None:
            b = op.weight_pattern.mask().astype(np.int64)
        return int((a.sum(axis=0) * b.sum(axis=0)).sum())
    if isinstance(op, Attention):
        seen = np.tril(np.ones((op.q_len, op.kv_len), bool), op.kv_len - op.q_len)
        kept = np.ones_like(seen) if not op.causal else seen
        pairs = op.batch * op.heads * int(kept.sum())
        if op.pattern is not None:
            # A unit at a time: the mask of a long context would fill the memory.
            rows = range(0, op.batch * op.units * op.q_len, op.q_len)
            kept = [op.pattern.csr(row, row + op.q_len)[1].size for row in rows]
            if op.q_len * op.kv_len * len(kept) < 2**24:
                assert sum(kept) == op.pattern.mask().sum()
            pairs = sum(kept) * op.heads // op.units
        return pairs * (op.d_qk + op.d_v)
    if isinstance(op, Moe):
        after = int((op.expert_ids >= 0).sum()) * op.d_ff
        before = after * (op.matrices - 1)
        if op.activation_pattern is not None:
            after = int(op.activation_pattern.mask().sum())
        return (before + after) * op.d_model
    return 0


def macs_are_counted(result: Result) -> None:
    """Effectual MACs depend on the trace only; no machine executes fewer."""
    expected = [op.repeat * effectual_macs(op) for op in result.trace.operators]
    assert result.operators["effectual_macs"].tolist() == expected
    assert (result.operators["issued_macs"] >= result.operators["effectual_macs"]).all()
    peak = result.arch.array.macs * max(result.arch.mac_rate.values())
    cycles = result.program.occupancy_ps / result.arch.clock_ps
    assert (result.program.counters["issued_macs"] <= cycles * peak).all()


def engines_agree(result: Result) -> None:
    """The reference engine gives the same starts, finishes and causes."""
    reference = run(result.program, "reference")
    for name in ("start", "finish", "server_free", "cause", "blame"):
        found, expected = getattr(result.schedule, name), getattr(reference, name)
        assert np.array_equal(found, expected), name


def mapping_is_the_same_again(result: Result) -> None:
    """Mapping the same trace twice gives the same program."""
    again = map_trace(result.trace, result.arch).program
    for name in ("unit", "occupancy_ps", "latency_ps", "pred", "claim_bytes", "run_address"):
        assert np.array_equal(getattr(again, name), getattr(result.program, name)), name


CHECKS: tuple[Callable[[Result], None], ...] = (
    states_sum,
    counters_fill_the_occupancy,
    utilization_is_the_product,
    operator_times_sum,
    traffic_is_conserved,
    ports_are_respected,
    macs_are_counted,
)


def first_operators(trace: Trace, count: int) -> Trace:
    """The first operators of a trace."""
    from dataclasses import replace

    return replace(trace, operators=trace.operators[:count], path=None)
