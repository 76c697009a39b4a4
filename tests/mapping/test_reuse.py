"""What is used again is what would have been computed: machines that differ in one field each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import numpy as np
import pytest
from pydantic import ValidationError

from accelsim.arch.load import load_arch
from accelsim.arch.scale import port_overrides
from accelsim.arch.spec import Arch
from accelsim.config.record import Spec
from accelsim.errors import InputError
from accelsim.mapping.machine import Core, Machine
from accelsim.mapping.plan import Mapped
from accelsim.mapping.reuse import Reuse, Rows, content_of
from accelsim.mapping.trace import map_trace
from accelsim.simulation import simulate, without_sparsity
from accelsim.workload.operators import Gather, Matmul
from accelsim.workload.patterns import pattern_from_mask
from accelsim.workload.trace import Trace
from tests.mapping.workloads import (
    PREDICTOR,
    masked,
    moe,
    random_mask,
    relu_kept,
    token_topk,
    trace,
)

# Of these every second number is changed, every fourth, every sixteenth.
WALKED = {
    2: ("sparse_small",),
    4: ("systolic_32_gather", "sanger"),
    16: ("sparse_v1", "systolic_128", "systolic_128_gather", "systolic_128_serial", "systolic_32",
         "systolic_64x4", "sigma", "gamma"),
}  # fmt: skip
CHOICES = (
    "mapping.tile_queries=8", "mapping.index_bits=32", "mapping.dataflow=os",
    "mapping.placement.keys_by=token", "mapping.placement.interleaved=true",
    "mapping.placement.seed=3", "dram.bandwidth=60%", "dram.level=simple",
    "dram.return_delay=99 ns",
)  # fmt: skip


def mixed() -> Trace:
    """A little of everything whose cost is kept, in patterns that differ and patterns that do not.

    The second attention has the pattern of the first, as another array.
    """
    rng = np.random.default_rng(5)
    kept = random_mask(20, 160, 0.2, 1)
    ids = moe(tokens=24).expert_ids
    table = rng.integers(0, 300, 60).astype(np.int32)
    return trace(
        masked(kept, d_v=48),
        masked(kept.copy(), d_v=48),
        masked(random_mask(2 * 16, 96, 0.3, 2), heads=2, kv_heads=2, selection="from_scores"),
        masked(random_mask(16, 96, 0.2, 3), selection="accelerator", predictor=PREDICTOR),
        token_topk(24, 8, heads=2, kv_heads=1, sharing="layer", dtype="int8"),
        Matmul(
            scope="rows", m=24, n=40, k=96,
            activation_pattern=pattern_from_mask(random_mask(24, 96, 0.2, 4)),
        ),
        Matmul(
            scope="columns", m=24, n=40, k=96,
            weight_pattern=pattern_from_mask(random_mask(40, 96, 0.2, 5)),
        ),
        Matmul(
            scope="wanted", m=24, n=40, k=96, weights="dynamic",
            output_pattern=pattern_from_mask(random_mask(24, 40, 0.2, 6)),
        ),
        moe(tokens=24, activation_pattern=pattern_from_mask(relu_kept(ids, 128, 0.1))),
        Gather(scope="table", table_rows=300, row_elements=48, indices=table),
    )  # fmt: skip


def neighbours(record: Spec, times: float) -> Iterator[Spec]:
    """The record with one number in it, or in what it holds, multiplied."""
    for name in type(record).model_fields:
        for value in others(getattr(record, name), times):
            yield record.model_copy(update={name: value})


def others(value: object, times: float) -> Iterator[object]:
    """As `neighbours`, of any value."""
    if isinstance(value, Spec):
        yield from neighbours(value, times)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from ({**value, key: other} for other in others(item, times))
    elif isinstance(value, tuple):
        for at, item in enumerate(value):
            yield from ((*value[:at], other, *value[at + 1 :]) for other in others(item, times))
    elif type(value) in (int, float):
        yield type(value)(value * times) or 1  # type: ignore[operator, call-arg]


def walked(name: str, step: int) -> list[Arch]:
    """A shipped architecture, and for every `step`-th of its numbers one with another there."""
    arch = load_arch(name)
    found = [arch, without_sparsity(arch)]
    pairs = zip(neighbours(arch, 2), neighbours(arch, 0.5), strict=True)
    for pair in [pair for pair in pairs if pair[0].dram == arch.dram][::step]:  # type: ignore[attr-defined]
        for other in pair:
            try:
                found.append(Arch.model_validate(other.model_dump(mode="json")))
                break
            except ValidationError:  # a machine that cannot be
                continue
    for choice in CHOICES:
        try:
            bandwidth = f"{arch.dram.bandwidth * 6 // 10 // 10**9} GB/s"
            found.append(load_arch(name, [choice.replace("60%", bandwidth)]))
        except InputError:
            continue
    return found


def same(a: Mapped, b: Mapped) -> bool:
    """Whether two programs and what is said of them are equal, down to every array."""
    assert a.unique_bytes == b.unique_bytes and a.overhead_macs == b.overhead_macs
    assert a.choices == b.choices
    for field in fields(a.program):
        one, other = getattr(a.program, field.name), getattr(b.program, field.name)
        if field.name == "counters":
            assert all(np.array_equal(one[name], other[name]) for name in one)
        elif isinstance(one, np.ndarray):
            assert np.array_equal(one, other), field.name
    return True


def mapped(work: Trace, arch: Arch, reuse: Reuse | None) -> Mapped | str:
    """The program, or why there is none."""
    try:
        return map_trace(work, arch, reuse=reuse)
    except InputError as error:
        return str(error)


@pytest.mark.parametrize(
    ("name", "step"), [(name, step) for step, names in WALKED.items() for name in names]
)
def test_a_field_that_changes_changes_what_it_would_alone(name: str, step: int) -> None:
    shared, work, compared = Reuse(), mixed(), 0
    for arch in walked(name, step):
        found, alone = mapped(work, arch, shared), mapped(work, arch, None)
        if isinstance(alone, Mapped):
            assert isinstance(found, Mapped) and same(found, alone), arch
            compared += 1
        else:
            assert found == alone
    assert compared > 9 and shared.found > shared.asked // 4


@pytest.mark.parametrize("name", ["sparse_small", "systolic_32_gather", "sigma"])
def test_results_are_those_of_simulations_that_share_nothing(name: str) -> None:
    arch, shared, work = load_arch(name), Reuse(), mixed()
    for overrides in ([], ["dram.return_delay=90 ns"], port_overrides(arch, 2), []):
        one = load_arch(name, overrides)
        found, alone = simulate(one, work, reuse=shared), simulate(one, work)
        assert found.as_json() == alone.as_json()
        assert np.array_equal(found.schedule.start, alone.schedule.start)
        assert np.array_equal(found.schedule.finish, alone.schedule.finish)


def test_another_dram_needs_no_tile_and_no_pattern_again() -> None:
    shared, work = Reuse(), mixed()
    map_trace(work, load_arch("sparse_small"), reuse=shared)
    missed = shared.asked - shared.found
    map_trace(work, load_arch("sparse_small", ["dram.return_delay=90 ns"]), reuse=shared)
    assert shared.asked - shared.found == missed


def test_equal_patterns_of_two_operators_are_costed_once() -> None:
    kept = random_mask(48, 160, 0.2, 1)
    arch = load_arch("sparse_small")
    once, twice = Reuse(), Reuse()
    map_trace(trace(masked(kept)), arch, reuse=once)
    map_trace(trace(masked(kept), masked(kept.copy())), arch, reuse=twice)
    # Beyond the first: its rows are decoded, and the digest of them is made.
    assert (twice.asked - twice.found) - (once.asked - once.found) == 2


# ---- what is kept --------------------------------------------------------------------------
def ones(count: int) -> np.ndarray:
    """An array of so many bytes."""
    return np.ones(count, np.int8)


def pair(count: int, first: int) -> tuple[np.ndarray, int]:
    """An array that is a view, and a number."""
    return np.arange(count)[first:], first


def echo(value: object) -> object:
    """What it is given."""
    return value


def changeable() -> list[int]:
    """A result that could be changed."""
    return [1]


def test_the_bound_is_kept_and_the_least_recently_used_goes_first() -> None:
    reuse = Reuse(most_bytes=100_000)
    for count in (20_001, 20_002, 20_003, 20_004):
        reuse.of(ones, count)
        assert reuse.size_bytes <= 100_000
    reuse.of(ones, 20_001)  # used again
    reuse.of(ones, 20_005)
    found = reuse.found
    assert reuse.of(ones, 20_001).size == 20_001 and reuse.found == found + 1
    assert reuse.of(ones, 20_002).size == 20_002 and reuse.found == found + 1
    for count in range(500):
        reuse.of(ones, count)
        assert reuse.size_bytes <= 100_000


def test_what_alone_takes_a_large_part_is_not_kept() -> None:
    reuse = Reuse(most_bytes=100_000)
    reuse.of(ones, 10)
    assert reuse.of(ones, 60_000) is not reuse.of(ones, 60_000)
    assert reuse.of(ones, 10) is reuse.of(ones, 10)


def test_a_mapping_under_a_bound_of_nothing_is_the_same() -> None:
    arch, work = load_arch("sparse_small"), mixed()
    tight = Reuse(most_bytes=0)
    assert same(map_trace(work, arch, reuse=tight), map_trace(work, arch))
    assert tight.size_bytes == 0 == tight.found


def test_arrays_that_are_kept_cannot_be_written() -> None:
    reuse = Reuse()
    view, _ = reuse.of(pair, 10, 2)
    assert not view.flags.writeable and not view.base.flags.writeable
    rows = reuse.rows(pattern_from_mask(random_mask(4, 16, 0.5)))
    for array in (rows.indptr, rows.indices):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 7


def test_a_key_holds_all_that_a_function_could_read() -> None:
    reuse, machine = Reuse(), Machine(load_arch("sparse_small"))
    for argument in (machine, np.zeros(3), [1], machine.arch):
        with pytest.raises(TypeError, match="no content"):
            reuse.of(echo, argument)
    with pytest.raises(TypeError, match="more than its arguments"):
        reuse.of(lambda: machine.ps)
    with pytest.raises(TypeError, match="more than its arguments"):
        reuse.of(machine.core.rate, "bf16")
    with pytest.raises(TypeError, match="could change"):
        reuse.of(changeable)


def test_the_content_of_a_core_is_every_number_of_its_records() -> None:
    arch = load_arch("sparse_small")
    seen = {Core(arch).content}
    for part in ("array", "scratchpad", "vector", "index"):
        for other in neighbours(getattr(arch, part), 2):
            content = Core(arch.model_copy(update={part: other})).content
            assert content not in seen
            seen.add(content)
    renamed = arch.model_copy(update={"name": "another"})
    assert Core(renamed).content == Core(arch).content
    assert content_of(arch.dram) not in seen


def test_rows_are_known_by_what_they_hold() -> None:
    a = Rows(np.array([0, 1, 2]), np.array([4, 5]))
    assert a.content == Rows(np.array([0, 1, 2], np.int32), np.array([4, 5], np.uint16)).content
    others = [([0, 2, 2], [4, 5]), ([0, 1, 2], [4, 6]), ([0, 1, 2, 2], [4, 5]), ([0, 1], [4])]
    assert len({a.content, *(Rows(np.array(p), np.array(i)).content for p, i in others)}) == 5
