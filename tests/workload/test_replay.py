"""A trace in another number type: what takes it, what keeps its own, and that it is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from accelsim.arch.load import load_arch
from accelsim.errors import InputError
from accelsim.report.provenance import provenance
from accelsim.report.words import origin_text
from accelsim.simulation import simulate
from accelsim.workload.operators import Index, Matmul, TopK, Vector
from accelsim.workload.trace import Trace, write_trace
from tests.mapping.workloads import PREDICTOR, masked, moe, random_mask, trace

MASK = random_mask(16, 48, 0.3)
INDEX = Index(scope="i", batch=1, q_len=16, kv_len=48, heads=2, d=16, top_k=8, dtype="fp8")
MIXED = trace(
    INDEX,
    masked(MASK, sharing="layer", selection="model", index_operator=0, inputs=(0,)),
    moe(inputs=(1,)),
    Vector(scope="norm", elements=64, lane_operations=1),
    Vector(scope="optimizer", elements=64, lane_operations=1, dtype="fp32"),
    TopK(scope="route", rows=4, candidates=8, k=2, dtype="fp32"),
)


def types(work: Trace) -> list[str]:
    return [op.dtype for op in work.operators]


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        ("fp32", ["fp8", "fp32", "fp32", "fp32", "fp32", "fp32"]),
        ("int8", ["int8", "int8", "int8", "int8", "fp32", "fp32"]),
        ("mxfp8", ["fp8", "mxfp8", "mxfp8", "mxfp8", "fp32", "fp32"]),
        ("int4", ["int4", "int4", "int4", "int4", "fp32", "fp32"]),
    ],
)
def test_tensors_take_the_type_and_selection_only_a_narrower_one(
    dtype: str, expected: list[str]
) -> None:
    found = MIXED.replayed(dtype)
    assert types(found) == expected
    assert found.operators[1].pattern is MIXED.operators[1].pattern  # type: ignore[attr-defined]


@pytest.mark.parametrize(("dtype", "own"), [("bf16", "int8"), ("mxfp8", "int8"), ("int4", "int4")])
def test_a_predictor_keeps_a_narrower_type(dtype: str, own: str) -> None:
    op = masked(MASK, selection="accelerator", predictor=PREDICTOR)
    found = trace(op).replayed(dtype).operators[0]
    assert found.predictor == {**PREDICTOR, "dtype": own}  # type: ignore[attr-defined]
    assert op.predictor == PREDICTOR


def test_element_wise_work_alone_takes_the_type() -> None:
    assert types(trace(Vector(scope="v", elements=4, lane_operations=1)).replayed("int4")) == [
        "int4"
    ]


def test_the_identity_is_that_of_the_replayed_work() -> None:
    bf16 = trace(Matmul(scope="m", m=4, n=4, k=4))
    int4 = trace(Matmul(scope="m", m=4, n=4, k=4, dtype="int4"))
    assert bf16.content_hash != int4.content_hash
    assert bf16.replayed("int4").content_hash == int4.content_hash
    assert bf16.replayed("int4").replayed("bf16").content_hash == bf16.content_hash


def test_a_replay_says_so_wherever_the_workload_is_named() -> None:
    work = trace(Matmul(scope="m", m=4, n=4, k=4))
    found = work.replayed("int4")
    assert "replayed in int4" in origin_text(found)
    assert "replayed" not in origin_text(work)
    result = simulate(load_arch("systolic_32"), found)
    assert result.summary["replayed_in"] == "int4"
    assert result.as_json()["summary"]["replayed_in"] == "int4"
    assert simulate(load_arch("systolic_32"), work).summary["replayed_in"] == ""
    entry = provenance({}, [found], "")["workloads"]["test"]
    assert entry["replayed_in"] == "int4" and entry["content_hash"] == found.content_hash


def test_a_replayed_trace_can_be_written(tmp_path: Path) -> None:
    found = MIXED.replayed("mxfp4")
    again = write_trace(tmp_path / "t.trace", "t", found.operators, **found.metadata)
    assert types(again) == types(found)
    assert again.content_hash == found.content_hash
    assert again.replayed_in is None


def test_an_unknown_type_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="unknown dtype 'fp5'.*mxfp4"):
        MIXED.replayed("fp5")
    with pytest.raises(InputError, match="unknown dtype"):
        replace(MIXED, operators=()).replayed("")


def test_the_command_line_replays(cli, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    write_trace(tmp_path / "t.trace", "t", [Matmul(scope="m", m=4, n=32, k=32)])
    place = str(tmp_path / "t.trace")
    done = cli("run", "--arch", "systolic_32", "--workload", place, "--dtype", "mxfp4")
    assert done.code == 0 and "replayed in mxfp4" in " ".join(done.out.split())
    machines = ("--baseline", "systolic_32", "--candidate", "sparse_small")
    done = cli("compare", *machines, "--workload", place, "--dtype", "int4")
    said = " ".join(done.out.split())
    assert done.code == 0 and "replayed in int4" in said and "4,096 int4 MACs a cycle" in said
    done = cli("run", "--arch", "systolic_32", "--workload", place, "--dtype", "int5")
    assert done.code == 3 and "unknown dtype 'int5'" in done.err and done.err.count("\n") == 1
