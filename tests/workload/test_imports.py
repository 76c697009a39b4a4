"""Traces from SpAtten's counts and from masks, slices, and pictures, by the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from accelsim.errors import InputError
from accelsim.workload.imports import import_masks, import_spatten
from accelsim.workload.operators import Attention, Matmul
from accelsim.workload.sharing import shared_sets
from accelsim.workload.slicing import layer_of, parse_span, slice_trace, step_of
from accelsim.workload.trace import find_trace, read_trace, validate_trace, write_trace

HEADER = (
    "iteration_id,layer_id,head_id,embedding_length_D,sentence_length_L,key_fetch_num,"
    "value_fetch_num\n"
)


def spatten_file(folder: Path, records: list[str]) -> Path:
    file = folder / "s.csv"
    file.write_text(HEADER + "".join(f"{record}\n" for record in records))
    return file


def test_spatten_counts_become_nested_sets(tmp_path):
    records = [
        f"{step},{layer},{head},64.0,{20 + step},{keys},{keys // 2}"
        for step in range(2)
        for layer, keys in ((0, 20 + step), (1, 9), (2, 4))
        for head in range(2)
    ]
    file = spatten_file(tmp_path, [*records, "configs/some.yml,,,,,,"])
    import_spatten(file, tmp_path / "s.trace")
    trace = validate_trace(tmp_path / "s.trace")
    assert len(trace.operators) == 6 and trace.phase == "decode" and trace.synthetic
    dense, nine, four = trace.operators[:3]
    assert [op.scope for op in (dense, nine, four)] == [f"step0.L{n}.attention" for n in range(3)]
    assert dense.pattern is None and dense.selection == "static"
    for op, keys in ((nine, 9), (four, 4)):
        assert op.pattern.row_counts().tolist() == [keys, keys]
        assert op.pattern.mask()[:, -1].all()  # a token sees itself
    assert (four.pattern.mask() <= nine.pattern.mask()).all()
    assert "0.5500 of the keys" in trace.selection_rule or "of the keys" in trace.selection_rule


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ("0,0,0,64,20,21,3", "line 2: 21 keys and 3 values of 20 fetched"),
        ("0,0,0,64,20,x,3", "line 2"),
        ("0,0,1,64,20,2,3", "heads of iteration 0, layer 0 are not 0, 1, 2"),
        ("configs/some.yml,,,,,,", "no records"),
    ],
)
def test_bad_counts_are_refused(record, said, tmp_path):
    with pytest.raises(InputError, match=said):
        import_spatten(spatten_file(tmp_path, [record]), tmp_path / "s.trace")
    assert not (tmp_path / "s.trace").exists()


@pytest.mark.parametrize("true_means", ["kept", "pruned"])
@pytest.mark.parametrize("dtype", [bool, np.int64])
def test_masks_become_a_trace(true_means, dtype, tmp_path):
    masks = np.random.default_rng(0).random((3, 4, 24, 24)) < 0.3
    masks[1] = masks[1, 0] & np.tri(24, dtype=bool)  # all heads alike, causal
    np.save(tmp_path / "m.npy", (masks if true_means == "kept" else ~masks).astype(dtype))
    import_masks(tmp_path / "m.npy", tmp_path / "m.trace", true_means=true_means, d_head=32)
    trace = validate_trace(tmp_path / "m.trace")
    assert [op.sharing for op in trace.operators] == ["head", "layer", "head"]
    assert [op.causal for op in trace.operators] == [False, True, False]
    for layer, op in enumerate(trace.operators):
        kept = op.pattern.mask().reshape(-1, 24, 24)
        assert np.array_equal(kept, masks[layer, :1] if layer == 1 else masks[layer])


@pytest.mark.parametrize(
    ("array", "means", "said"),
    [
        (np.zeros((2, 3, 4), bool), "kept", "expected bool or integer"),
        (np.zeros((1, 1, 2, 2)), "kept", "is float64"),
        (np.zeros((1, 1, 2, 2), bool), "true", "give kept or pruned"),
    ],
)
def test_bad_masks_are_refused(array, means, said, tmp_path):
    np.save(tmp_path / "m.npy", array)
    with pytest.raises(InputError, match=said):
        import_masks(tmp_path / "m.npy", tmp_path / "m.trace", true_means=means)
    (tmp_path / "m.npy").write_text("no array")
    with pytest.raises(InputError, match="not a .npy array"):
        import_masks(tmp_path / "m.npy", tmp_path / "m.trace", true_means="kept")


def test_heads_of_a_group_are_found_to_share():
    bits = np.random.default_rng(0).integers(0, 255, (2, 2, 5, 3), np.uint8).repeat(2, axis=1)
    sharing, sets = shared_sets(bits, 4, 2)
    assert sharing == "kv_group" and np.array_equal(sets, bits[:, ::2])
    bits[1, 3, 4, 2] ^= 1
    assert shared_sets(bits, 4, 2)[0] == "head"
    assert shared_sets(bits[:, :1], 4, 2)[0] == "layer"


def test_a_slice_keeps_layers_and_their_dependencies(tmp_path):
    whole = read_trace(find_trace("tiny_moe_lm"))
    part = slice_trace(whole, tmp_path / "p.trace", layers="1:3")
    assert {layer_of(op.scope) for op in part.operators} == {1, 2}
    names = [op.scope for op in part.operators]
    for op in part.operators:
        old = next(o for o in whole.operators if o.scope == op.scope)
        sources = {whole.operators[i].scope for i in old.inputs}
        assert {names[i] for i in op.inputs} == sources & set(names)
        if isinstance(op, Attention):
            assert np.array_equal(op.pattern.mask(0, 64), old.pattern.mask(0, 64))
    assert "layers 1:3 of tiny_moe_lm" in part.note and part.seed == whole.seed
    with pytest.raises(InputError, match="no operator lies in layers 4:; it has 0 to 3"):
        slice_trace(whole, tmp_path / "q.trace", layers="4:")
    with pytest.raises(InputError, match="no such numbers"):
        slice_trace(whole, tmp_path / "q.trace", steps="0")


def test_a_slice_needs_the_index_that_it_uses(tmp_path):
    whole = read_trace(find_trace("dsa_8k"))
    names = [op.scope for op in whole.operators]
    layers = {layer_of(name) for name in names}
    if layers == {None}:
        with pytest.raises(InputError, match="no such numbers"):
            slice_trace(whole, tmp_path / "p.trace", layers="0")


def test_steps_and_spans(tmp_path):
    ops = [Matmul(scope=f"step{n}.L0.x", m=1, n=2, k=3, inputs=(n - 1,) if n else ())
           for n in range(4)]  # fmt: skip
    trace = write_trace(tmp_path / "s.trace", "s", ops)
    part = slice_trace(trace, tmp_path / "p.trace", steps="1:3", layers="0")
    assert [(op.scope, op.inputs) for op in part.operators] == [
        ("step1.L0.x", ()), ("step2.L0.x", (0,)),
    ]  # fmt: skip
    assert [parse_span(t, "layers") for t in ("3", "1:4", "2:", ":4")] == [
        (3, 4), (1, 4), (2, None), (0, 4),
    ]  # fmt: skip
    for text in ("", ":", "4:2", "a", "1:2:3", "-1"):
        with pytest.raises(InputError, match="layers"):
            parse_span(text, "layers")
    assert layer_of("encoder.L12.layer.0") == 12 and layer_of("head") is None
    assert step_of("step3.L0.x") == 3 and step_of("L0.step3") is None


def test_the_commands(tmp_path, cli):
    np.save(tmp_path / "m.npy", np.tri(8, dtype=bool)[None, None] & (np.arange(8) % 3 > 0))
    out = tmp_path / "m.trace"
    done = cli("trace", "import", "masks", str(tmp_path / "m.npy"), "--true-means", "kept",
               "--out", str(out))  # fmt: skip
    assert done.code == 0 and "1 layers, density" in done.out
    done = cli("trace", "info", str(out), "--plot", str(tmp_path / "pictures"))
    assert done.code == 0
    assert sorted(p.name for p in (tmp_path / "pictures").glob("*.png")) == [
        "kept_keys.png", "key_reuse.png",
    ]  # fmt: skip
    done = cli("trace", "slice", str(out), "--layers", "0", "--out", str(tmp_path / "n.trace"))
    assert done.code == 0
    done = cli("trace", "slice", str(out), "--out", str(tmp_path / "n.trace"))
    assert done.code == 3 and "give --layers, --steps or both" in done.err
    file = spatten_file(tmp_path, ["0,0,0,64,20,4,3"])
    done = cli("trace", "import", "spatten", str(file), "--out", str(tmp_path / "s.trace"))
    assert done.code == 0 and "0.2000 of the keys" in done.out
