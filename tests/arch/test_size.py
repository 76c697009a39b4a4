"""Machines made larger or smaller: whole parts of an array, and bytes."""

from __future__ import annotations

from fractions import Fraction

import pytest

from accelsim.arch.load import ArchSource, arch_source, published_names, shipped_names
from accelsim.arch.size import array_settings, byte_settings, parts_of, size_text, ways_of
from accelsim.arch.spec import Arch

EVERY = [*shipped_names(), *published_names()]


def made(source: ArchSource, parts: int, times: Fraction | None = None) -> Arch:
    arch = source.arch()
    array = Fraction(parts, parts_of(arch))
    settings = array_settings(arch, array) + byte_settings(arch, times or array)
    return source.with_settings(settings).arch()


@pytest.mark.parametrize("name", EVERY)
def test_times_one_is_the_machine_itself(name):
    source = arch_source(name)
    assert made(source, parts_of(source.arch())) == source.arch()


@pytest.mark.parametrize("name", EVERY)
def test_every_machine_is_doubled_and_grows_by_one_part(name):
    source = arch_source(name)
    arch, parts = source.arch(), parts_of(source.arch())
    double = made(source, 2 * parts)
    assert (double.array.macs, double.on_chip) == (2 * arch.array.macs, 2 * arch.on_chip)
    assert double.array.local_bytes == 2 * arch.array.local_bytes
    assert double.mapping.prefetch == 2 * arch.mapping.prefetch
    assert double.mapping.activation_storage == 2 * arch.mapping.activation_storage
    more = made(source, parts + 1)
    assert more.array.macs * parts == arch.array.macs * (parts + 1)


@pytest.mark.parametrize("name", ["systolic_128", "sparse_v1", "sigma_stonne"])
def test_all_outside_the_array_stays(name):
    source = arch_source(name)
    arch, double = source.arch(), made(source, 2 * parts_of(source.arch()))
    for field in ("clock", "mac_rate", "scratchpad", "vector", "index", "scatter", "load",
                  "store", "control", "dram"):  # fmt: skip
        assert getattr(double, field) == getattr(arch, field)
    assert double.mapping.chunk == arch.mapping.chunk


def test_shapes_of_a_systolic_array_keep_the_same_macs():
    source = arch_source("systolic_128")
    assert parts_of(source.arch()) == 64
    array = made(source, 65).array
    assert [(s.count, s.rows, s.columns) for s in array.shapes] == [(1, 130, 128), (4, 65, 64)]
    assert len({shape.macs for shape in array.shapes}) == 1
    assert (array.stationary, array.accumulators) == (65 * 1024, 65 * 4096)


def test_a_systolic_array_grows_by_columns_with_the_same_storage():
    source = arch_source("systolic_128")
    arch = source.arch()
    assert (ways_of(arch), parts_of(arch, "columns")) == (("rows", "columns"), 64)
    wide = source.with_settings(array_settings(arch, Fraction(65, 64), "columns")).arch()
    assert [(s.count, s.rows, s.columns) for s in wide.array.shapes] == [(1, 128, 130), (4, 64, 65)]
    assert (wide.array.stationary, wide.array.accumulators) == (65 * 1024, 65 * 4096)
    assert size_text(wide, "columns") == ("130 columns", "24 MiB")
    assert size_text(wide) == ("128 rows", "24 MiB")


@pytest.mark.parametrize(("name", "way"), [("sparse_small", "rows"), ("spatten", "PEs")])
def test_other_arrays_grow_in_one_way(name, way):
    arch = arch_source(name).arch()
    assert ways_of(arch) == (way,)
    assert parts_of(arch, way) == parts_of(arch)
    assert size_text(arch, way) == size_text(arch)


def test_a_sparse_array_grows_by_rows_with_their_storage():
    array = made(arch_source("sparse_small"), 17).array
    assert (array.rows, array.segments, array.lanes, array.multicast_buses) == (17, 4, 16, 8)
    assert (array.query_storage, array.accumulators) == (17 * 256, 17 * 512)
    assert array.fifo_storage == 17 * 1024


def test_a_composed_array_grows_by_pes_with_their_network():
    array = made(arch_source("spatten"), 9).array
    assert (array.pe_array.pes, array.pe_array.lanes) == (9, 64)
    assert (array.noc.load_words, array.noc.stream_words) == (72, 576)
    assert (array.operand_storage, array.accumulators) == (18 * 1024, 18 * 1024)


def test_ports_of_a_serial_dataflow_divide_the_pes():
    source = arch_source("sigma_stonne")
    assert parts_of(source.arch()) == 64
    array = made(source, 65).array
    flow = array.dataflows[0]
    assert (array.pe_array.pes, flow.ports, flow.lines) == (260, 65, 65)


def test_every_type_has_whole_macs():
    rates = "mac_rate={bf16: 1, fp32: 0.25}"
    narrow = [f"array.shapes={[{'count': 1, 'rows': 8, 'columns': 2}]}", rates]
    source = arch_source("systolic_32").changed(narrow)
    assert parts_of(source.arch()) == 4  # pairs of rows: a quarter of 2 x 2 MACs is whole
    assert made(source, 5).array.shapes[0].rows == 10


def test_bytes_are_scaled_apart_from_the_array():
    source = arch_source("systolic_32")
    arch = made(source, parts_of(source.arch()), Fraction(3, 2))
    assert (arch.array, arch.on_chip) == (source.arch().array, 576 * 1024)
