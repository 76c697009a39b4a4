"""Composed arrays: sensible combinations load, senseless ones are refused with the reason."""

from __future__ import annotations

import re

import pytest

from accelsim.arch.formats import Bitmap, BlockFormat, Compressed, NOfM, RunLength
from accelsim.arch.load import load_arch, published_names
from accelsim.config.tree import shipped_folder
from accelsim.errors import InputError

EXPECTED = (
    "dstc eie extensor eyeriss_v2 flexagon gamma highlight matraptor outerspace s2ta sanger scnn"
    " sigma sigma_stonne sparch sparse_tensor_core_2_4 sparsecore sparten spatten tpu_v1 tpu_v3"
    " tpu_v4i"
).split()


def test_every_published_machine_is_there():
    assert published_names() == EXPECTED


@pytest.mark.parametrize("name", EXPECTED)
def test_every_figure_of_a_published_machine_names_its_source(name):
    text = (shipped_folder("arch_configs") / "published" / f"{name}.yaml").read_text()
    assert text.startswith("# ") and "# Sources: [V]" in text
    marks = re.compile(r"\[[VACM]\]|assumed|measured|STONNE|log2|not modelled|hidden")
    block_marked = False
    for number, line in enumerate(text.splitlines(), 1):
        body, _, comment = line.partition("#")
        if body.strip().endswith(":"):  # a comment on a block covers the lines in it
            block_marked = bool(marks.search(comment))
        skips = ("kind: none", "kind: dense", "balance: {kind: static}", "name:", "description:")
        if not re.search(r"\d", body) or any(skip in body for skip in skips):
            continue
        if body.strip().startswith(("b: {kind: csr", "c: {kind: csr")):
            continue  # as operand a, on the line above
        assert marks.search(comment) or block_marked, f"{name}.yaml, line {number}: {line}"


@pytest.mark.parametrize(
    ("machine", "change", "said"),
    [
        ("gamma", "array.merge={kind: none}", "scaled rows of B must be merged"),
        ("gamma", "array.intersect.kind=two_finger", "does not go with dataflow gustavson"),
        ("sparten", "array.intersect={kind: none}", "needs a way to find the common coordinates"),
        ("scnn", "array.merge={kind: none}", "summed in accumulator banks"),
        ("scnn", "array.pe_array.lanes=8", "a quantum uses all of them"),
        ("sigma", "array.intersect.kind=skip_ahead", "not intersected fiber by fiber"),
        ("s2ta", "array.formats.b={kind: bitmap}", "stored as bitmap, expected format nm"),
        ("s2ta", "array.formats.b.levels=[{n: 5, m: 4}]", "5 of 4 cannot be kept"),
        ("sigma_stonne", "array.dataflows.0.ports=48", "does not divide the 256 multipliers"),
        ("extensor", "array.pe_array.zeros=gate", "gating does not save cycles"),
        ("extensor", "array.intersect={kind: bitmap}", "needed there"),
        ("sparten", "array.intersect.width=48", "no power of two"),
        ("gamma", "array.merge={kind: hash, slots: 100}", "no power of two"),
        ("flexagon", "array.dataflows=[{kind: inner}, {kind: inner}]", "names one kind twice"),
        ("extensor", "array.intersect.kind=two_finger", "meets tiles by skip-ahead"),
        ("extensor", "array.dataflows.0.memory_depth=100", "no multiple of micro_tile"),
        ("eie", "array.formats.b.bits=40", "less than or equal to 16"),
        ("gamma", "array.merge.radix=1", "expected at least 2"),
    ],
)
def test_a_senseless_combination_is_refused_with_the_reason(machine, change, said):
    with pytest.raises(InputError, match=re.escape(said)):
        load_arch(machine, [change])


@pytest.mark.parametrize(
    ("machine", "changes"),
    [
        ("gamma", ["array.merge={kind: hash, slots: 4096}", "array.balance.kind=stealing"]),
        ("extensor", ["array.dataflows=[{kind: inner}]", "array.intersect.kind=leader_follower"]),
        ("outerspace", ["array.merge={kind: none}"]),
        ("matraptor", ["array.balance={kind: dynamic_queue, cost_cycles: 4}"]),
        ("sigma", ["array.formats.a={kind: csr, index_bits: 8}"]),
        ("sanger", ["array.dataflows.0.packing=packed", "array.pe_array.lanes=32"]),
    ],
)
def test_a_sensible_combination_is_accepted(machine, changes):
    assert load_arch(machine, changes).array.kind == "composed"


def test_metadata_bits_by_hand():
    assert Bitmap(kind="bitmap", chunk=64).metadata_bits(2, 65, 9) == 2 * 128
    assert Compressed(kind="csr", index_bits=16).metadata_bits(4, 9, 10) == 160 + 5 * 32
    assert Compressed(kind="csc", index_bits=4, pointer_bits=7).metadata_bits(4, 9, 10) == 110
    assert RunLength(kind="run_length", bits=4).metadata_bits(4, 9, 10) == 40
    two_of_four = NOfM(kind="nm", levels=[{"n": 2, "m": 4}])
    assert two_of_four.metadata_bits(2, 8, 8) == 2 * 2 * 2 * 2
    nested = NOfM(kind="nm", levels=[{"n": 4, "m": 8}, {"n": 2, "m": 4}])
    assert nested.span == 32
    assert nested.metadata_bits(1, 32, 8) == 8 * 2 * 2 + 1 * 4 * 3
    block = BlockFormat(kind="block", rows=4, columns=4, index_bits=16)
    assert block.metadata_bits(8, 8, 32) == 2 * 16
