"""Plans: the shipped ones, and what is refused before anything runs."""

from __future__ import annotations

from itertools import islice

import pytest

from accelsim.errors import InputError
from accelsim.sweep.design import Design, Designer, LeftOut
from accelsim.sweep.plan import load_plan, plan_names
from accelsim.sweep.running import designer_of
from accelsim.sweep.sampling import count_points, points
from tests.sweep.conftest import PLAN


@pytest.mark.parametrize("name", plan_names())
def test_shipped_plans_are_right(name):
    designer = designer_of(name)
    assert designer.plan.name == name and designer.plan.description
    designs = [designer.design(point) for point in islice(points(designer.plan), 40)]
    made = [design for design in designs if not isinstance(design, LeftOut)]
    assert made and not [design.refused for design in made if design.refused]
    assert len({design.key for design in made}) == len(made)


def test_the_first_plan_is_a_small_one_on_the_trained_trace():
    plan, _ = load_plan(plan_names()[0])
    assert 50 <= count_points(plan) <= 70
    assert [entry.workload for entry in plan.workloads] == ["tiny_moe_lm"]


def changed(old: str, new: str) -> str:
    assert old in PLAN
    return PLAN.replace(old, new)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (changed("dram.bandwidth", "dram.bandwith"), "line 6.*did you mean 'dram.bandwidth'"),
        (changed("array.fifo_depth", "fifo_depth"), "line 7.*did you mean 'array.fifo_depth'"),
        (changed("array.fifo_depth", "load.fifo_depth"), "did you mean 'array.fifo_depth'"),
        (changed("array.fifo_depth", "array.rows.depth"), "has no 'array.rows.depth'"),
        (changed("20 GB/s", "20"), "line 6, parameters.bandwidth.values.1.*'20' has no unit"),
        (changed("[1, 2, 4, 8]", "[1, 0]"), "values.1.*more than 0"),
        (changed("[1, 2]", "[wide]"), "'wide' is no factor"),
        (changed("[1, 2]", "[0]"), "'0' is no factor"),
        (changed("cost: bandwidth", "cost: bandwith"), "line 9.*did you mean 'bandwidth'"),
        (changed("cost: bandwidth", "total_ps: bandwidth"), "name of another column"),
        (changed("cost: minimise", "costs: minimise"), "did you mean 'cost'"),
        (changed("cost: minimise", "cost: min"), "'min' is not known"),
        (changed("sparse_small", "sparse_smal"), "did you mean 'sparse_small'"),
        (changed("workloads: [TRACE]", "workloads: [tiny]"), "unknown workload 'tiny'"),
        (changed("level=simple", "level=simpler"), "line 3.*'simpler' is not known"),
        (changed("values: [1, 2", "value: [1, 2"), "unknown key 'parameters.fifo_depth.value'"),
        (changed("{path: ports, values: [1, 2]}", "{path: ports}"), "either 'values' or a"),
        (PLAN + "constraints: [array.mac <= 4]\n", "Attribute 'mac' does not exist"),
        (PLAN + "constraints: [scratchpad <= 32 MiB]\n", "scratchpad_bytes"),
        (PLAN + "constraints: ['1 +']\n", "is not an expression"),
        (PLAN + "derived: {array.fifo_storag: 1}\n", "did you mean 'array.fifo_storage'"),
        (PLAN + "derived: {array.fifo_storage: depth}\n", "unknown name 'depth'"),
        (changed("[1, 2, 4, 8]", "[1, 2, 4, 1]"), "line 7.*values.3.*'?1'? is there twice"),
        (changed("40 GB/s", "20000 MB/s"), "20000 MB/s is there twice"),
        (changed("path: ports", "path: array.fifo_depth"), "set by 'fifo_depth' too"),
        (changed("[1, 2]", "[.inf]"), "'inf' is no factor"),
        (
            PLAN.replace("ports", "error", 1),
            "'error' is the name",
        ),
        (PLAN.replace("ports", "base", 1), "'base' is the name"),
        (changed("cost: bandwidth", "hash: bandwidth"), "'hash' is the name"),
        (changed("cost: bandwidth", "bandwidth_bytes_per_s: bandwidth"), "name of another column"),
        (changed("/ 10 GB/s + ports", "* array.row"), "line 9.*'row' does not exist"),
        (changed("bandwidth: {path", "größe: {path"), r"\[A-Za-z_\]"),
        (PLAN + "sampling: {kind: random, points: 1, seed: -1}\n", "seed.*at least 0"),
        (PLAN + "baseline: systolic_32\n", "'systolic_32' is no architecture here"),
        (PLAN + "sampling: grids\n", "unknown kind 'grids'"),
        (PLAN + "sampling: {kind: list, points: [{fifo: 1}]}\n", "is no parameter here"),
        (PLAN + "sampling: {kind: list, points: [{bandwidth: 1}]}\n", "has no unit"),
        (PLAN + "sampling: {kind: random, points: 0}\n", "more than 0"),
        (changed("path: ports", "path: workload.batch"), "cannot have workload.batch 1"),
        (changed("path: ports, values: [1", "path: workload.dtype, values: [bf61"), "bf61"),
        (changed("name: small", "name: a/b"), "name"),
        ("- 1\n", "is not a plan"),
        ("name: [\n", "is not YAML"),
    ],
)
def test_what_is_wrong_is_refused_in_one_line(plan_file, text, said):
    with pytest.raises(InputError, match=said) as caught:
        designer = designer_of(plan_file(text))
        next(iter(designer.designs()))
    assert "\n" not in str(caught.value) and "small.yaml" in str(caught.value)


def test_a_plan_that_cannot_be_read_is_said(tmp_path):
    for path, said in ((tmp_path / "no.yaml", "no such file"), (tmp_path, "unknown plan")):
        with pytest.raises(InputError, match=said):
            load_plan(path)
    folder = tmp_path / "folder.yaml"
    folder.mkdir()
    with pytest.raises(InputError, match="cannot be read"):
        load_plan(folder)
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read"):
        load_plan(binary)
    with pytest.raises(InputError, match="did you mean 'array_and_ports'"):
        load_plan("array_and_port")


def designs(text: str, plan_file) -> list:
    plan, tree = load_plan(plan_file(text))
    return list(Designer(plan, tree).designs())


def test_derived_fields_follow_their_parameters(plan_file):
    text = PLAN + "derived: {array.fifo_storage: 16 * fifo_depth * 64 B}\n"
    for design in designs(text, plan_file):
        assert design.arch.array.fifo_storage == 16 * 64 * design.arch.array.fifo_depth


def test_constraints_leave_points_out_before_and_after_an_architecture_is_made(plan_file):
    text = PLAN.replace("[1, 2, 4, 8]", "[1, 8, 999]")  # the last does not fit the FIFO storage
    found = designs(text, plan_file)
    assert sum(bool(design.refused) for design in found) == 6
    assert all("fifo_storage" in design.refused for design in found if design.refused)
    text += "constraints: [fifo_depth < 100, dram.bandwidth <= 20 GB/s]\n"
    found = designs(text, plan_file)
    left = [design.constraint for design in found if isinstance(design, LeftOut)]
    assert left.count("fifo_depth < 100") == 6 and left.count("dram.bandwidth <= 20 GB/s") == 4
    assert not [design for design in found if not isinstance(design, LeftOut) and design.refused]


def test_ports_change_every_share(plan_file):
    one, two = designs(PLAN, plan_file)[:2]
    pads = one.arch.scratchpad, two.arch.scratchpad
    assert 2 * pads[0].read_bytes_per_cycle == pads[1].read_bytes_per_cycle
    assert 2 * pads[0].shares.array.read == pads[1].shares.array.read


RECIPE = """
name: recipe
architectures: [systolic_128, {arch: systolic_128, set: dram.level=train, name: trains}]
workloads: [{workload: sam_64k_b8, shape: length=2}]
parameters:
  batch: {path: workload.batch, values: [1, 2]}
  types: {path: [workload.dtype, mapping.chunk], values: {a: [bf16, 64 KiB], b: [fp8, 32 KiB]}}
"""


def test_a_plan_may_vary_the_workload_and_link_it_with_the_architecture(plan_file):
    found = designs(RECIPE, plan_file)
    assert len(found) == 8 and len({design.key for design in found}) == 8
    first = found[1]
    assert first.workload.shape == ("length=2", "batch=1") and first.workload.dtype == "fp8"
    assert first.arch.mapping.chunk == 32 * 1024
    assert first.workload.open().batch == 1


def test_names_of_entries_do_not_change_a_result_but_everything_else_does(plan_file):
    def keys(text: str) -> set[str]:
        return {design.key for design in designs(text, plan_file)}

    same = keys(PLAN.replace("{arch: sparse_small,", "{name: mine, arch: sparse_small,"))
    assert same == keys(PLAN)
    other = keys(PLAN.replace("level=simple", "level=train"))
    assert not other & keys(PLAN)
    assert not keys(PLAN.replace("TRACE", "tiny_moe_lm")) & keys(PLAN)
    assert not keys(PLAN.replace("[TRACE]", "[{workload: TRACE, dtype: fp8}]")) & keys(PLAN)


TWO = PLAN.replace("[{arch", "[systolic_32, {arch").replace("8]}", "8], only: sparse_small}")


def test_a_field_must_be_there_on_every_architecture_that_an_expression_is_for(plan_file):
    with pytest.raises(InputError, match="'rows' does not exist"):
        designer_of(plan_file(TWO.replace("+ ports", "+ array.rows")))
    for text in ("array.rows * fifo_depth > 0", "array.kind == 'systolic' or array.rows > 0"):
        designer = designer_of(plan_file(TWO + f'constraints: ["{text}"]\n'))
        assert all(isinstance(design, Design) for design in designer.designs())


def test_a_metric_without_a_value_is_empty_and_the_others_stay(plan_file):
    metrics = "{a: fifo_depth, b: 1 / (ports - 1), c: b + 1, d: 1e308 * 10, e: log2(ports - 1), "
    text = TWO.replace("{cost: bandwidth / 10 GB/s + ports}", metrics + "f: ports}")
    designer = designer_of(plan_file(text.replace(", cost: minimise", "")))
    first = {}
    for design in designer.designs():
        first.setdefault((design.point.arch, design.values["ports"]), design)
    found = {at: list(designer.computed(design, {}).values()) for at, design in first.items()}
    assert found == {
        (0, 1): [None, None, None, None, None, 1],
        (0, 2): [None, 1, 2, None, 0, 2],
        (1, 1): [1, None, None, None, None, 1],
        (1, 2): [1, 1, 2, None, 0, 2],
    }
