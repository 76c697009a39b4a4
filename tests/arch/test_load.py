import subprocess
import sys
from dataclasses import fields

import pytest

from accelsim.arch.dram import PartDram
from accelsim.arch.equal import equalities
from accelsim.arch.load import (
    arch_source,
    content_hash,
    load_arch,
    published_names,
    resolved_yaml,
    shipped_names,
)
from accelsim.arch.scale import port_overrides
from accelsim.engine.program import Dram
from accelsim.errors import InputError
from tests.arch.simple import SIMPLE

TRIOS = [
    ("systolic_128", "systolic_128_gather", "sparse_v1"),
    ("systolic_32", "systolic_32_gather", "sparse_small"),
]


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


@pytest.mark.parametrize("name", [*shipped_names(), *published_names()])
def test_every_shipped_file_loads_and_is_named_like_its_file(name):
    arch = load_arch(name)
    assert arch.name == name
    assert arch.description.strip()
    assert 0 < arch.scratchpad_bytes < arch.on_chip
    assert arch.scratchpad_bytes + sum(arch.local_storage.values()) == arch.on_chip


@pytest.mark.parametrize("name", [*shipped_names(), *published_names()])
def test_the_resolved_file_loads_back_to_the_same(name, write):
    arch = load_arch(name)
    again = load_arch(write("again.yaml", resolved_yaml(arch)))
    assert again == arch
    assert content_hash(again) == content_hash(arch)
    assert resolved_yaml(again) == resolved_yaml(arch)


def test_shipped_trios_are_all_there():
    assert {name for trio in TRIOS for name in trio} <= set(shipped_names())


@pytest.mark.parametrize("trio", TRIOS)
def test_a_trio_is_equal_in_everything_that_a_fair_comparison_needs(trio):
    equal, differs = equalities([load_arch(name) for name in trio])
    assert [row.name for row in differs if row.required] == []
    assert "peak MAC/s bf16" in [row.name for row in equal]
    assert {"array", "gathers keys for attention", "index unit"} <= {r.name for r in differs}


def test_what_should_be_equal_and_is_not_comes_first():
    slow = load_arch("systolic_128", ["dram.bandwidth=450 GB/s"])
    _, differs = equalities([slow, load_arch("sparse_v1")])
    assert differs[0].required and differs[0].name == "DRAM"
    assert [v.split(",")[0] for v in differs[0].values] == ["450 GB/s", "900 GB/s"]


@pytest.mark.parametrize("other", [0.5, 2, 4])
def test_port_overrides_scale_ports_and_shares_alike(other):
    arch = load_arch("sparse_v1")
    scaled = load_arch("sparse_v1", port_overrides(arch, other))
    assert scaled.scratchpad.read_bytes_per_cycle == 2048 * other
    assert scaled.scratchpad.shares.array.read == 1280 * other
    assert scaled.load.return_bytes_per_cycle <= scaled.scratchpad.shares.load.write


def test_figures_of_the_big_pair():
    arch = load_arch("sparse_v1")
    assert arch.clock_ps == 1000
    assert arch.array.macs == 16384 == load_arch("systolic_128").array.macs
    assert arch.array.local_bytes == 448 * 1024
    assert arch.peak_macs_per_cycle("bf16") == 16384
    assert arch.peak_macs_per_cycle("fp32") == 4096
    assert arch.scratchpad.read_bytes_per_cycle == arch.scratchpad.write_bytes_per_cycle == 2048
    assert arch.dram.channels == 32 and arch.dram.capacity == 32 << 30
    # 64 B in two clocks on each of 32 channels give 900 GB/s at 1137.8 ps
    assert arch.dram.clock_ps == 1138
    assert arch.dram.burst_ps == pytest.approx(64 * 32 / 900e9 * 1e12 / (1 - 260 / 3900), rel=1e-3)


def test_a_simple_dram_is_stretched_by_refresh():
    arch = load_arch("sparse_v1", [SIMPLE])
    # 64 B at 900/28 GB/s, stretched by 6.7 % of refresh; tFAW / 4 likewise
    assert arch.dram.burst_ps == round(64 * 28 / 900e9 * 1e12 / 0.933)
    assert arch.dram.activate_ps == round(7500 / 0.933)


def test_a_part_at_another_bandwidth_keeps_its_nanoseconds():
    fast = load_arch("sparse_v1", ["dram.bandwidth=2048 GB/s"]).dram
    assert isinstance(fast, PartDram)
    assert (
        fast.clock_ps == 500 and fast.running.timing.cl == 28 and fast.running.timing.trefi == 7800
    )
    assert fast.running.timing.tccd_s == 1 and fast.running.burst_clocks == 2  # of the bus
    plain = load_arch("sparse_v1", ["dram.bandwidth=1024 GB/s"]).dram
    assert isinstance(plain, PartDram) and plain.running.timing == plain.part.timing
    uneven = load_arch("sparse_v1").dram
    assert isinstance(uneven, PartDram) and uneven.running.timing.cl == 13  # 14 ns of 1.138


def test_bandwidth_follows_the_stacks_unless_it_is_given(write):
    text = "extends: sparse_v1\nname: x\ndescription: y\ndram: {part: hbm3, stacks: 5}\n"
    arch = load_arch(write("five.yaml", text))
    assert arch.dram.bandwidth == 900 * 10**9
    whole = resolved_yaml(load_arch("sparse_v1")).replace("  bandwidth: 900 GB/s\n", "")
    arch = load_arch(write("whole.yaml", whole.replace("stacks: 4", "stacks: 5")))
    assert arch.dram.bandwidth == 5 * 256 * 10**9 and arch.dram.capacity == 40 << 30
    assert arch.dram.clock_ps == 1000 and "dram" not in "".join(arch.notes())


def test_the_simple_level_of_a_part_is_derived_from_it():
    arch = load_arch("sparse_v1", ["dram.level=simple"])
    assert arch.dram.vector().size == 0 and load_arch("sparse_v1").dram.vector().size > 0
    table = arch.dram.table()
    assert table["interleave_bytes"] == 256 and table["row_bytes"] == 2048 and table["banks"] == 16


def test_an_override_reaches_into_the_part():
    arch = load_arch("sparse_v1", ["dram.part.queues.reads=64"])
    assert arch.dram.running.queues.reads == 64
    other = load_arch("sparse_v1", ["dram.part=hbm3", "dram.stacks=2"])
    assert other.dram.line == 32


def test_the_dram_table_is_what_the_engine_reads():
    in_dram = {field.name for field in fields(Dram)} - {"part"}
    assert set(load_arch("sparse_v1").dram.table()) == in_dram
    assert set(load_arch("sparse_v1", [SIMPLE]).dram.table()) == in_dram


def test_a_rounded_clock_is_said():
    arch = load_arch("sparse_v1", ["clock=1.05 GHz"])
    assert arch.clock_ps == 952
    note = "clock: 1.05 GHz is no whole number of ps, runs at 952 ps (1.0504 GHz)"
    assert note in arch.notes()
    assert f"# note: {note}" in resolved_yaml(arch)


def test_the_hash_ignores_the_name_and_nothing_else():
    plain = content_hash(load_arch("sparse_v1"))
    assert content_hash(load_arch("sparse_v1", ["name=x", "description=y"])) == plain
    for change in ("dram.bandwidth=901 GB/s", "mapping.sparsity=false", "array.fifo_depth=4"):
        assert content_hash(load_arch("sparse_v1", [change])) != plain


def test_overrides():
    arch = load_arch(
        "systolic_128",
        ["dram.bandwidth=450 GB/s", "array.shapes.0.rows=64", "mapping.tile_queries=64"],
    )
    assert arch.dram.bandwidth == 450 * 10**9
    assert arch.array.shapes[0].rows == 64
    assert arch.mapping.tile_queries == 64
    assert "array.shapes differ in MACs: the peak is that of the largest" in arch.notes()


def test_a_unit_can_be_taken_away():
    arch = load_arch("sparse_v1", ["scatter=null"])
    assert arch.scatter is None
    assert "scratchpad.shares.scatter: unused, there is no scatter unit" in arch.notes()
    assert arch.scratchpad_bytes > load_arch("sparse_v1").scratchpad_bytes


def test_extends_lays_the_child_over_its_parent(write):
    write("base.yaml", resolved_yaml(load_arch("systolic_128")))
    child = write(
        "child.yaml",
        "extends: base.yaml\nname: child\ndram: {bandwidth: 100 GB/s}\narray:\n  dataflows: [ws]\n",
    )
    arch = load_arch(child)
    base = load_arch("systolic_128")
    assert arch.name == "child" and arch.description == base.description
    assert arch.dram.bandwidth == 100 * 10**9 and arch.dram.channels == base.dram.channels
    assert arch.array.dataflows == ("ws",) and arch.array.shapes == base.array.shapes


def test_another_kind_of_array_replaces_the_parents(write):
    sparse = resolved_yaml(load_arch("sparse_v1"))
    array = sparse[sparse.index("array:\n") : sparse.index("scratchpad:\n")]
    arch = load_arch(write("child.yaml", f"extends: systolic_128\nname: child\n{array}"))
    assert arch.array == load_arch("sparse_v1").array


def test_loading_imports_no_heavy_library():
    code = (
        "import sys; from accelsim import load_arch; load_arch('sparse_v1');"
        "print([m for m in ('numba', 'matplotlib', 'pandas', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_unknown_type_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match="no rate for type 'bf17', it has bf16 1, fp16 1"):
        load_arch("sparse_v1").peak_macs_per_cycle("bf17")


def test_settings_leave_the_source_and_their_own_values_alone():
    source, shapes = arch_source("systolic_32"), [{"count": 1, "rows": 32, "columns": 32}]
    twice = source.with_settings([("array.shapes", shapes), ("array.shapes.0.count", 2)])
    assert twice.tree.data["array"]["shapes"][0]["count"] == 2
    assert shapes == [{"count": 1, "rows": 32, "columns": 32}]
    assert source.arch() == load_arch("systolic_32")
