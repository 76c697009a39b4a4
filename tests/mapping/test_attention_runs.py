"""Attention of the big trio with every way of getting its indices, with every invariant."""

from __future__ import annotations

from functools import cache

import pytest

from accelsim.analysis.result import Result
from accelsim.arch.load import load_arch
from accelsim.mapping.trace import map_trace
from accelsim.simulation import simulate, without_sparsity
from accelsim.workload.trace import Trace
from tests.mapping import invariants
from tests.mapping.workloads import BIG, attention, selections, token_topk, trace

WIDE = {"d_qk": 128, "d_v": 128}
CASES: dict[str, Trace] = selections(512, 64) | {
    "long rows": trace(token_topk(1024, 128, heads=1)),
    "grouped": trace(token_topk(512, 64, heads=4, kv_heads=2, sharing="kv_group")),
    "shared by 8 heads": trace(token_topk(512, 64, heads=8, kv_heads=1, sharing="layer")),
    "dense": trace(attention(512, heads=2, kv_heads=1, **WIDE)),
    "decode": trace(attention(1, 4096, heads=8, kv_heads=1, **WIDE)),
    "next tokens": trace(attention(16, 900, heads=2, kv_heads=2, batch=2, **WIDE)),
}
# 2 MiB on chip: keys and values of one head of 1,024 do not stay.
TIGHT = ("on_chip=2 MiB", "mapping.prefetch=256 KiB", "mapping.activation_storage=256 KiB")
ELSEWHERE = (
    *TIGHT,
    "mapping.placement={keys_by: token, interleaved: true, seed: 3}",
)
ROOM = {"roomy": (), "tight": TIGHT, "elsewhere": ELSEWHERE}


@cache
def result(case: str, machine: str, room: str = "roomy") -> Result:
    return simulate(load_arch(machine, ROOM[room]), CASES[case])


@pytest.mark.parametrize("room", ROOM)
@pytest.mark.parametrize("machine", BIG)
@pytest.mark.parametrize("case", CASES)
def test_invariants(case: str, machine: str, room: str) -> None:
    found = result(case, machine, room)
    for check in invariants.CHECKS:
        check(found)
    mapped = map_trace(CASES[case], found.arch)
    unique = {(op, int(kind)): size for (op, kind), size in mapped.unique_bytes.items()}
    invariants.unique_bytes_are_requested(found, unique)


@pytest.mark.parametrize("machine", BIG)
@pytest.mark.parametrize("case", CASES)
def test_engines_agree(case: str, machine: str) -> None:
    invariants.engines_agree(result(case, machine))


@pytest.mark.parametrize("case", CASES)
def test_without_sparsity_nothing_is_skipped(case: str) -> None:
    found = simulate(without_sparsity(load_arch("sparse_v1")), CASES[case])
    for check in invariants.CHECKS:
        check(found)
    assert "dense" in found.operators["mapping"].iloc[-1]


@pytest.mark.parametrize("machine", BIG)
def test_indices_cost_what_the_selection_says(machine: str) -> None:
    """The same pattern: free indices, then indices from a predictor, then from all scores."""
    free = result("oracle", machine)
    assert result("static", machine).total_ps <= free.total_ps
    for name in ("from_scores", "accelerator"):
        paid = result(name, machine)
        assert paid.total_ps >= free.total_ps
        chosen = paid.operators["mapping"][0].split(":")[0]
        if chosen == "dense":  # exact attention needs no indices
            assert paid.summary["overhead_macs"] == 0
        else:
            assert paid.total_ps > free.total_ps and paid.summary["overhead_macs"] > 0
    assert free.summary["overhead_macs"] == result("static", machine).summary["overhead_macs"] == 0
    # The model's own indices are paid by everybody.
    assert result("model", machine).operators["overhead_macs"][0] > 0


def test_attention_waits_for_the_model_s_own_indices() -> None:
    from dataclasses import replace

    index, attend = CASES["model"].operators
    silent = trace(index, replace(attend, inputs=()))
    for machine in BIG:
        found = simulate(load_arch(machine), silent)
        p, schedule = found.program, found.schedule
        first = schedule.start[(p.operator == 1) & (p.unit == p.units.name.index("array"))].min()
        assert first >= schedule.finish[p.operator == 0].max()


@pytest.mark.parametrize("room", ROOM)
@pytest.mark.parametrize("case", ["from_scores", "accelerator"])
def test_a_choice_is_left_out_only_where_it_would_lose(
    case: str, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = result(case, "sparse_v1", room)
    monkeypatch.setattr("accelsim.mapping.attention.EXAMINE", ())  # every choice is estimated
    mapped = map_trace(CASES[case], found.arch)
    assert list(mapped.choices.values()) == found.operators["mapping"].tolist()
    assert mapped.program.unit.tolist() == found.program.unit.tolist()
