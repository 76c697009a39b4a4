"""Runs of one tile whose every task is counted by hand, on a machine with round figures.

The DRAM of `ROUND` has one channel: a line of 64 B takes 1 ns, and the first of a row 28 ns from
accept to data, others 14 ns. A line is accepted 20 ns after it was issued (2 a cycle), and is
back 60 ns after it has moved, plus half a cycle on the way back (128 B a cycle). A cycle is 1 ns.
"""

from __future__ import annotations

import numpy as np

from accelsim.analysis.result import Result
from accelsim.arch.load import load_arch
from accelsim.simulation import simulate
from accelsim.workload.operators import Attention, Matmul, Moe, Operator
from accelsim.workload.patterns import pattern_from_mask
from tests.mapping.workloads import trace

ROUND = (
    "dram={level: simple, bandwidth: 64 GB/s, channels: 1, capacity: 32 GiB, clock: 1 GHz,"
    " line: 64 B, row: 8 KiB, interleave: 256 B, banks: 32, queue_depth: 64,"
    " activate_interval: 0 ns, refresh_overhead: 0.0, row_hit: 14 ns, row_miss: 28 ns,"
    " return_delay: 60 ns}",
    "mapping.activation_storage=0 B",
)
WS = ("array.shapes=[{count: 1, rows: 32, columns: 32}]", "mapping.dataflow=ws")


def tasks(result: Result, unit: str) -> list[tuple[float, float]]:
    """Start and finish of every task of a unit, ns."""
    mine = result.program.unit == result.program.units.name.index(unit)
    start, finish = result.schedule.start[mine] / 1000, result.schedule.finish[mine] / 1000
    return list(zip(start.tolist(), finish.tolist(), strict=True))


def simulated(machine: str, operator: Operator, overrides: tuple[str, ...] = ()) -> Result:
    return simulate(load_arch(machine, (*ROUND, *overrides)), trace(operator))


def test_dense_attention_on_a_systolic_array() -> None:
    op = Attention(
        scope="a", batch=1, heads=1, kv_heads=1, q_len=8, kv_len=16, d_qk=32, d_v=32, causal=False
    )
    found = simulated("systolic_32", op, WS)
    # Dispatch: 64 cycles; the array switches its dataflow behind it, 16 more.
    assert tasks(found, "control") == [(0, 64)]
    # K (16 rows of 64 B = 16 lines) is first, V next, Q (8 lines) last. K and Q share the DRAM
    # row at 0 (o at 0, q at 4096; k at 8192, v at 12288 are the next row): K's first line is
    # accepted at 84 and moves in 112..113, the others follow one a ns: K until 128, V until 144.
    # Q's first line is issued at 64 + 32/2 = 80, accepted at 100, opens its row until 128, and
    # moves behind V: Q until 152. Each is back 60.5 ns later.
    assert tasks(found, "load") == [(64, 188.5), (64, 204.5), (64, 212.5)]
    # Q K^T: 8 x 16 x 32, ws: one fold of K = 32 rows x 16 columns, stream 8, the next weights
    # in 32 / 4 = 8: held 8; first load 8 + skew 31 + drain 31 later: latency 78.
    # P V: 8 x 32 x 16: 16 rows of weights load in 4; held 8, latency 8 + 4 + 62 = 74.
    # Softmax: 8 x 16 scores x 6 operations / 128 lanes = 6 cycles, but 512 B in at 80 B: 7.
    qk, soft = 213 + 78, 213 + 78 + 7
    pv = soft + 74
    assert tasks(found, "array") == [(64, 80), (213, qk), (soft, pv)]
    # Divide: 256 outputs: 2 cycles of lanes, 1,024 B in at 80 B a cycle: 13.
    assert tasks(found, "vector") == [(qk, soft), (pv, pv + 13)]
    # Store: 8 lines at one a cycle, the last is accepted 20 ns after it was issued.
    assert tasks(found, "store") == [(pv + 13, pv + 13 + 7 + 20)]
    assert found.summary["total_cycles"] == 412
    assert found.summary["effectual_macs"] == found.summary["issued_macs"] == 2 * 8 * 16 * 32


def test_kept_pairs_on_a_sparse_array() -> None:
    mask = np.zeros((4, 64), bool)
    mask[0, [0, 1]] = mask[1, 1] = mask[2, [0, 1, 2, 3]] = mask[3, 7] = True
    op = Attention(
        scope="a", batch=1, heads=1, kv_heads=1, q_len=4, kv_len=64, d_qk=32, d_v=32, causal=False,
        pattern=pattern_from_mask(mask),
    )  # fmt: skip
    found = simulated("sparse_small", op, ("load.gathers_attention=false",))
    assert "sparse: " in found.operators["mapping"][0]
    assert "fetched per tile" in found.operators["mapping"][0]
    # Queries (4 lines at 4096) and 8 indices of 2 B (1 line, far away) are fetched first: lines
    # move in 112..116 and, its row opened at 84 + 2 + 28, in 116..117; back 60.5 ns later.
    loads = tasks(found, "load")
    assert loads[:2] == [(64, 176.5), (64, 177.5)]
    # Static indices need no union. Keys 0-3 (4 lines) and 7 (1 line) are fetched when the indices
    # are known, K then V: accepted from 198, first data at 198 + 28, K until 231, V until 236.
    assert loads[2:] == [(178, 291.5), (178, 296.5)]
    # Q K^T: a pair takes half a cycle (2 of 4 segments), vectors come every 64 B / 320 B = 0.2
    # cycles (205 ticks of 1/1024): key 0 at 205, key 1 at 410, 2 at 615, 3 at 820, 7 at 1025.
    # Query 2 keeps keys 0-3: busy 205 to 205 + 4 x 512 = 2253 ticks, 3 cycles; tail 16.
    # Softmax of 8 scores: 1 cycle. P V: the same 3 cycles, but 4 x 32 fp32 out at 128 B: 4.
    qk = 292 + 3 + 16
    assert tasks(found, "array") == [(64, 80), (292, qk), (qk + 1, qk + 1 + 4 + 16)]
    # Divide: 128 outputs, 512 B in at 80 B: 7 cycles. Store: 4 lines, one a cycle.
    done = qk + 21 + 7
    assert tasks(found, "vector") == [(qk, qk + 1), (done - 7, done)]
    assert tasks(found, "store") == [(done, done + 3 + 20)]
    assert found.summary["total_cycles"] == done + 23
    assert found.summary["effectual_macs"] == found.summary["issued_macs"] == 8 * (32 + 32)


def test_a_matmul_on_a_systolic_array() -> None:
    found = simulated("systolic_32", Matmul(scope="m", m=16, n=32, k=64), WS)
    # Weights (64 x 32 x 2 B = 4,096 B, one chunk, 64 lines at 4096) depend on nothing and begin
    # at 0: accepted at 20, data in 48..49, then one line a ns: until 112, back at 172.5.
    # The activations (2 KiB, 32 lines at 0, the same DRAM row) are issued from 64, accepted from
    # 84 on and lie behind the weights' lines: they move in 112..144 and are back at 204.5.
    assert sorted(tasks(found, "load")) == [(0, 172.5), (64, 204.5)]
    # ws: 2 folds of 32 x 32, stream 16 each: held 32, latency 32 + 8 + 62 = 102; operands are
    # 2 x 32 x 16 + 2 x 1,024 elements = 6,144 B at 320 B: 20 cycles, below 32.
    assert tasks(found, "array") == [(64, 80), (205, 307)]
    # The result, 16 x 32 x 2 B = 16 lines, goes out one a cycle.
    assert tasks(found, "store") == [(307, 307 + 15 + 20)]
    assert found.summary["total_cycles"] == 342


def test_one_expert_on_a_systolic_array() -> None:
    op = Moe(
        scope="e", tokens=4, d_model=32, d_ff=32, experts=1, top_k=1,
        expert_ids=np.zeros((4, 1), np.int16),
    )  # fmt: skip
    found = simulated("systolic_32", op, WS)
    # Two weight chunks of 2 KiB (32 lines each) from 0 on: 48..80 and 80..112, back at 140.5 and
    # 172.5. Four token rows are one run of 4 lines, issued at 64, behind them: 112..116, 176.5.
    loads = tasks(found, "load")
    assert sorted(loads[:3]) == [(0, 140.5), (0, 172.5), (64, 176.5)]
    # Up: 4 x 32 x 32: one fold held max(4, 8) = 8; its 1,024 + 128 elements, 2,304 B at 320 B
    # take 8; latency 8 + 8 + 62 = 78. ReLU: 128 elements, 512 B in at 80 B: 7 cycles. Down: the
    # same 78; its 4 x 32 sums stay in the array.
    up, relu = 177 + 78, 177 + 78 + 7
    down = relu + 78
    assert tasks(found, "array") == [(64, 80), (177, up), (relu, down)]
    # Scaling by the routing weight: 128 elements, 512 B in: 7 cycles; the rows (4 lines) are
    # written, read back, summed and written: 4 tokens x 32 with 256 B in at 80 B: 4 cycles.
    scaled = down + 7
    spilled = scaled + 3 + 20
    # The row buffer: spills lie at a row of their own, so the first line read back opens it anew
    # only if others came between; it was opened by the write, accepted at spilled - 3.
    read = spilled + 20 + 14 + 4 + 60.5
    assert loads[3:] == [(spilled, read)]
    added = np.ceil(read) + 4
    assert tasks(found, "vector") == [(up, relu), (down, scaled), (added - 4, added)]
    assert tasks(found, "store") == [(scaled, spilled), (added, added + 3 + 20)]
    assert found.summary["total_cycles"] == added + 23
