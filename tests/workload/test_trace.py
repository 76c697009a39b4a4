"""Trace folders: what is written is read back, in the same bytes, or not at all."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import accelsim
from accelsim.cli.main import app
from accelsim.errors import InputError
from accelsim.workload.array_rules import ArrayRule, find_array_rule, make_array_rule
from accelsim.workload.operators import (
    OPERATOR_KINDS,
    Attention,
    Gather,
    Index,
    Matmul,
    Moe,
    Operator,
    ScatterAdd,
    TopK,
    Vector,
)
from accelsim.workload.patterns import (
    BitPattern,
    BlockPattern,
    NmPattern,
    Pattern,
    attention_rule,
    csr_pattern,
    pattern_from_mask,
)
from accelsim.workload.slicing import slice_trace
from accelsim.workload.statistics import operator_statistics
from accelsim.workload.trace import (
    Trace,
    find_trace,
    read_trace,
    shipped_workloads,
    validate_trace,
    write_trace,
)


def sample_operators(seed: int = 0) -> list[Operator]:
    """One operator of every kind, with patterns in every encoding."""
    rng = np.random.default_rng(seed)
    mask = np.tile(np.tri(16, dtype=bool), (2, 1)) & (rng.random((32, 16)) < 0.5)
    csr = csr_pattern(np.r_[0, np.cumsum(mask.sum(axis=1))], np.nonzero(mask)[1], 16)
    ids = rng.integers(-1, 4, (6, 2)).astype(np.int16)
    kept = (rng.random((12, 9)) < 0.4) & (ids.reshape(-1, 1) >= 0)
    offsets = np.tile(np.array([0, 3], np.uint8), (5, 2))
    shape = {"batch": 1, "q_len": 16, "kv_len": 16}
    heads = {"heads": 4, "kv_heads": 2, "d_qk": 8, "d_v": 4}
    blocks = BlockPattern(np.array([0, 1, 3]), np.array([0, 0, 1]), 16, 16, 8, 8, 16)
    rule = attention_rule("topk_decay", units=4, q_len=16, kv_len=16, k=4, seed=seed)
    return [
        Vector(scope="norm", elements=64, lane_operations=3, operands=2),
        Matmul(scope="up", m=6, n=5, k=8, inputs=(0,), weight_pattern=NmPattern.from_offsets(
            2, 4, offsets, 8)),
        Matmul(scope="down", m=2, n=3, k=4, weights="dynamic", dtype="int8",
               activation_pattern=BitPattern.from_mask(rng.random((2, 4)) < 0.5)),
        Index(scope="index", heads=2, d=4, top_k=8, dtype="fp8", **shape),
        Attention(scope="a.csr", inputs=(1, 2), sharing="kv_group", pattern=csr, **shape, **heads),
        Attention(scope="a.block", sharing="layer", selection="model", index_operator=3,
                  inputs=(3,), pattern=blocks, **shape, **heads),
        Attention(scope="a.rule", selection="accelerator", pattern=rule,
                  predictor={"dtype": "int8", "macs_per_score": 4}, **shape, **heads),
        Attention(scope="a.dense", causal=False, **shape, **heads),
        Moe(scope="moe", tokens=6, d_model=8, d_ff=9, experts=4, top_k=2, matrices=3,
            expert_ids=ids, activation_pattern=BitPattern.from_mask(kept)),
        Gather(scope="gather", table_rows=9, row_elements=4,
               indices=np.array([0, 8, 8], np.int32)),
        ScatterAdd(scope="scatter", table_rows=9, row_elements=4,
                   indices=np.zeros(0, np.int32)),
        TopK(scope="topk", rows=6, candidates=4, k=2),
    ]  # fmt: skip


def assert_same(one: Operator, other: Operator) -> None:
    assert type(one) is type(other)
    for field in dataclasses.fields(one):
        left, right = getattr(one, field.name), getattr(other, field.name)
        if isinstance(left, Pattern):
            assert left.encoding == right.encoding and left.nnz == right.nnz
            assert all(np.array_equal(a, b) for a, b in zip(left.csr(), right.csr(), strict=True))
        elif isinstance(left, np.ndarray):
            assert left.dtype == right.dtype and np.array_equal(left, right)
        else:
            assert left == right and type(left) is type(right)


def test_the_sample_has_every_kind() -> None:
    assert {operator.kind for operator in sample_operators()} == set(OPERATOR_KINDS)


def test_round_trip(tmp_path: Path) -> None:
    operators = sample_operators()
    metadata = {
        "model": "Some(1)", "seed": 7, "phase": "decode", "batch": 2, "seq_len": 16,
        "selection_rule": "top 4", "quality": {"loss_exact": 2.5, "loss_replayed": 2.75},
        "synthetic": True, "licence": "MIT", "note": "größer",
    }  # fmt: skip
    written = write_trace(tmp_path / "s.trace", "s", operators, **metadata)
    trace = validate_trace(tmp_path / "s.trace")
    for one, other in zip(operators, trace.operators, strict=True):
        assert_same(one, other)
    for key, value in metadata.items():
        assert getattr(trace, key) == value
    assert trace.producer == f"accelsim {accelsim.__version__}"
    assert trace.path == tmp_path / "s.trace"
    in_memory = Trace(name="other", operators=tuple(operators))
    assert written.content_hash == trace.content_hash == in_memory.content_hash
    assert isinstance(trace.operators[8].expert_ids, np.memmap)


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), density=st.floats(0, 1))
def test_round_trip_of_random_patterns(
    tmp_path_factory: pytest.TempPathFactory, seed: int, density: float
) -> None:
    rng = np.random.default_rng(seed)
    mask = (rng.random((48, 24)) < density) & np.tile(np.tri(24, dtype=bool), (2, 1))
    operator = Attention(
        scope="a", batch=1, heads=2, kv_heads=1, q_len=24, kv_len=24, d_qk=4, d_v=4,
        pattern=pattern_from_mask(mask, q_len=24),
    )  # fmt: skip
    path = tmp_path_factory.mktemp("t") / "r.trace"
    write_trace(path, "r", [operator])
    read = validate_trace(path).operators[0]
    assert np.array_equal(read.pattern.mask(), mask)


def test_the_same_bytes_every_time(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        write_trace(tmp_path / folder / "s.trace", "s", sample_operators(), seed=1)
    one, two = (sorted((tmp_path / f / "s.trace").iterdir()) for f in ("one", "two"))
    assert [path.name for path in one] == [path.name for path in two]
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(one, two, strict=True))
    again = read_trace(tmp_path / "one" / "s.trace")
    write_trace(tmp_path / "one" / "s.trace", "s", again.operators, seed=1)
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(one, two, strict=True))


def test_content_hash_sees_every_index() -> None:
    def content(**change: object) -> str:
        gather = Gather(scope="g", table_rows=9, row_elements=4, indices=np.arange(3))
        return Trace(name="t", operators=(dataclasses.replace(gather, **change),)).content_hash

    hashes = {
        content(), content(scope="h"), content(row_elements=5),
        content(indices=np.array([0, 1, 3])), content(indices=np.arange(3, dtype=np.int32)),
    }  # fmt: skip
    assert len(hashes) == 5


def test_equal_arrays_are_stored_once_and_patterns_shared(tmp_path: Path) -> None:
    pattern = pattern_from_mask(np.random.default_rng(0).random((64, 64)) < 0.3)
    operators = [
        Matmul(scope=f"m{i}", m=64, n=2, k=64, activation_pattern=pattern) for i in range(3)
    ]
    trace = write_trace(tmp_path / "m.trace", "m", operators)
    assert len(list((tmp_path / "m.trace").glob("*.npy"))) == 1
    assert len({id(operator.activation_pattern) for operator in trace.operators}) == 1


def test_mapped_arrays_do_not_change_the_file(tmp_path: Path) -> None:
    path = tmp_path / "s.trace"
    trace = write_trace(path, "s", sample_operators())
    trace.operators[9].indices[0] = 1
    validate_trace(path)


def test_an_interrupted_write_leaves_the_old_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s.trace"
    before = write_trace(path, "s", sample_operators(0)).content_hash

    def fail(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(np.lib.format, "write_array", fail)
    with pytest.raises(InputError, match=r"s\.trace: the trace cannot be written: disk full"):
        write_trace(path, "s", sample_operators(1))
    monkeypatch.undo()
    assert validate_trace(path).content_hash == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["s.trace"]


def test_only_a_trace_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine.trace").mkdir()
    with pytest.raises(InputError, match="is not a trace"):
        write_trace(tmp_path / "mine.trace", "s", sample_operators())
    with pytest.raises(InputError, match=r"must be called NAME\.trace"):
        write_trace(tmp_path / "mine", "s", sample_operators())
    with pytest.raises(InputError, match="unknown field of a trace 'sead'.*did you mean 'seed'"):
        write_trace(tmp_path / "s.trace", "s", sample_operators(), sead=1)
    with pytest.raises(InputError, match="phase"):
        write_trace(tmp_path / "s.trace", "s", sample_operators(), phase="pre")


def test_find_trace(tmp_path: Path) -> None:
    write_trace(tmp_path / "s.trace", "s", sample_operators())
    assert find_trace(tmp_path / "s.trace") == tmp_path / "s.trace"
    assert find_trace("dsa_8k") == find_trace("dsa_8k.trace") == shipped_workloads()["dsa_8k"]
    with pytest.raises(InputError, match="unknown workload 'dsa_8'.*did you mean 'dsa_8k'"):
        find_trace("dsa_8")
    with pytest.raises(InputError, match="no such file or folder"):
        find_trace(tmp_path / "none.trace")
    with pytest.raises(InputError, match="no trace is here"):
        find_trace(tmp_path)


def test_reading_imports_nothing_heavy() -> None:
    code = (
        "import sys, accelsim.workload as w; w.read_trace(w.find_trace('dsa_8k'));"
        "print([m for m in ('numba', 'pandas', 'torch', 'scipy') if m in sys.modules])"
    )
    root = str(Path(accelsim.__file__).parent.parent)
    finished = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert finished.stdout.strip() == "[]"


def rule_operators() -> list[Operator]:
    """Operators whose lists are array rules."""
    routed = make_array_rule(
        "route_zipf", {"tokens": 12, "experts": 4, "top_k": 2, "seed": 1, "alpha_permille": 500}
    )
    rows = {"table_rows": 90, "row_elements": 4}
    where = {"n": 30, "table_rows": 90, "seed": 2, "exponent_permille": 1050}
    looked_up = make_array_rule("rows_zipf", where)
    experts = {"tokens": 12, "d_model": 8, "d_ff": 9, "experts": 4, "top_k": 2}
    return [
        Gather(scope="L0.gather", indices=looked_up, **rows),
        Moe(scope="L0.moe", inputs=(0,), expert_ids=routed, **experts),
        Moe(scope="L1.moe", inputs=(1,), expert_ids=routed, **experts),
        ScatterAdd(scope="L1.scatter", indices=looked_up, **rows),
    ]


def test_array_rules_are_stored_as_their_parameters(tmp_path: Path) -> None:
    operators = rule_operators()
    written = write_trace(tmp_path / "r.trace", "r", operators)
    assert [entry.name for entry in (tmp_path / "r.trace").iterdir()] == ["manifest.json"]
    trace = validate_trace(tmp_path / "r.trace")
    hashes = {
        written.content_hash, trace.content_hash,
        Trace(name="t", operators=tuple(operators)).content_hash,
        write_trace(tmp_path / "again.trace", "r", trace.operators).content_hash,
    }  # fmt: skip
    assert len(hashes) == 1
    one, two = trace.operators[1].expert_ids, trace.operators[2].expert_ids
    assert one == operators[1].expert_ids and one is two and isinstance(one, ArrayRule)
    assert np.array_equal(one, operators[1].expert_ids)
    other = make_array_rule("route_zipf", {**one.parameters(), "seed": 2})
    changed = dataclasses.replace(operators[1], expert_ids=other)
    assert Trace(name="t", operators=(operators[0], changed)).content_hash not in hashes


def test_array_rules_are_counted_and_sliced_as_arrays_are(tmp_path: Path) -> None:
    operators = rule_operators()
    trace = write_trace(tmp_path / "r.trace", "r", operators)
    for operator, rule in zip(trace.operators, operators, strict=True):
        name = "expert_ids" if isinstance(rule, Moe) else "indices"
        plain = dataclasses.replace(rule, **{name: np.array(getattr(rule, name))})
        assert operator_statistics(operator) == operator_statistics(plain)
    part = slice_trace(trace, tmp_path / "p.trace", layers="1")
    assert [operator.scope for operator in part.operators] == ["L1.moe", "L1.scatter"]
    assert part.operators[0].expert_ids == operators[1].expert_ids
    shown = CliRunner().invoke(app, ["trace", "info", str(tmp_path / "r.trace")])
    assert shown.exit_code == 0 and "30 of 90 rows x 4" in shown.output


def test_a_rule_of_another_version_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_trace(tmp_path / "r.trace", "r", rule_operators())
    monkeypatch.setattr(find_array_rule("rows_zipf"), "version", 2)
    with pytest.raises(InputError, match="has version 1 here, this program has 2") as error:
        read_trace(tmp_path / "r.trace")
    assert "operators[0].indices" in str(error.value) and "\n" not in str(error.value)
