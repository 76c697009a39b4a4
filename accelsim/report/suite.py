"""A suite: many workloads on many machines, each pair simulated in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple

from pydantic import Field, ValidationError

from accelsim.analysis.limits import leading_limit
from accelsim.analysis.sections import section_times
from accelsim.arch.load import arch_source, load_arch
from accelsim.arch.scale import scaled_to
from accelsim.arch.spec import Arch
from accelsim.config.faults import input_error
from accelsim.config.record import Spec
from accelsim.config.tree import read_tree, shipped_folder
from accelsim.cost.load import DEFAULT_TABLE, load_cost_table
from accelsim.errors import InputError, unknown_name
from accelsim.hardware.area import breakdown
from accelsim.hardware.catalogue import components
from accelsim.hardware.columns import group_column
from accelsim.hardware.component import GROUPS
from accelsim.hardware.energy import energy_of, tokens
from accelsim.hardware.steps import ByEntry, sparse_energy, step_terms
from accelsim.simulation import simulate, without_sparsity
from accelsim.sweep.equal import Equal, equal_machines
from accelsim.sweep.equalised import Equalised
from accelsim.sweep.measures import measure_of
from accelsim.workload.catalogue import load_workload
from accelsim.workload.recipes.recipe import load_recipe, recipe_files

Progress = Callable[[str, int, int], None]
SCALED = {"baseline_equal": "baseline", "third_equal": "third"}  # role -> of which machine
ENDS = ("low", "high")  # of what the ranges of the cost table leave of a size
AT_ENDS = {f"{of}_{end}": (of, end) for of in SCALED.values() for end in ENDS}  # role -> which


class SuiteWorkload(Spec):
    """A workload of a suite.

    `shape` : changes of its recipe; `seeds` : runs with that many seeds, for the spread of a model
    that has no layers.

    Attributes
    ----------
    workload : str
        A shipped trace or recipe, or a path.
    """

    workload: str
    shape: tuple[str, ...] = ()
    seeds: int = Field(default=1, gt=0)


class Suite(Spec):
    """Workloads and machines.

    `third` : the baseline with a gathering DMA. `published` : machines that run as published, and
    scaled to the baseline's MACs and bandwidth; so many steps at most of each workload, beside the
    same steps of the baseline. `dram_level` : of every machine. `equal` : baseline and third run
    again, scaled to what the candidate has of this, and to both ends that the ranges of the cost
    table leave; peak MACs are of the type that the first workload computes in most. `costs` : cost
    table of area and energy; `other_costs` : a second one, by which areas are told too.

    Attributes
    ----------
    name : str
        Names the report's folder.
    title : str
        Heading of the report.
    baseline, candidate : str
        Machines, by name or path.
    published_steps : int
        Steps of each workload that published machines run.
    """

    name: str
    title: str
    baseline: str
    third: str
    candidate: str
    published: tuple[str, ...] = ()
    published_steps: int = Field(default=1, gt=0)
    dram_level: str = "train"
    equal: Literal["area", "power", "macs", "cost"] | None = None
    costs: str = DEFAULT_TABLE
    other_costs: str | None = None
    workloads: tuple[SuiteWorkload, ...] = Field(min_length=1)


class Machine(NamedTuple):
    """`role` : baseline, third, candidate, candidate_dense, of `SCALED`, of `AT_ENDS`, published or
    scaled.

    `how` : how a machine of `SCALED` or `AT_ENDS` was scaled, in a line.
    """

    role: str
    arch: Arch
    how: str = ""


class Run(NamedTuple):
    """One machine on one workload and seed; times in ps.

    `sections` : (step, layer) -> time on the critical path, see `section_times`. `energy` : step ->
    energy by entry of the cost table, see `step_terms`; `groups` : by group of components, pJ;
    `unverified_share` of it hangs on figures that were not looked up. `tokens` : of a step.
    `refused` : why it could not run.
    """

    workload: str
    seed: int
    role: str
    machine: str
    total_ps: int = 0
    sections: Mapping[tuple[int, int], int] = MappingProxyType({})
    limited_by: str = ""
    limited_share: float = 0.0
    utilization: float = 0.0
    dram_utilization: float = 0.0
    dram_bytes: int = 0
    effectual_macs: int = 0
    energy: Mapping[int, ByEntry] = MappingProxyType({})
    groups: Mapping[str, float] = MappingProxyType({})
    sparse_energy_pj: float = 0.0
    unverified_share: float = 0.0
    area_mm2: float = 0.0
    tokens: int = 0
    refused: str = ""


class Job(NamedTuple):
    """What a process is given."""

    workload: str
    shape: tuple[str, ...]
    seed: int
    machine: Machine
    costs: str


def suite_names() -> list[str]:
    """Names of the shipped suites, sorted."""
    return sorted(path.stem for path in _folder().glob("*.yaml"))


def _folder() -> Path:
    return shipped_folder("workloads") / "suites"


def load_suite(name_or_path: str) -> tuple[Suite, Path]:
    """Read a shipped suite, or a YAML file; the file is returned too.

    Raises
    ------
    InputError
        No such suite, or a field that is unknown, missing or wrong.
    """
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        if name_or_path not in suite_names():
            raise unknown_name("suite", name_or_path, suite_names())
        path = _folder() / f"{name_or_path}.yaml"
    elif not path.is_file():
        raise InputError(f"no such file '{path}'", remedy="expected a suite's .yaml file")
    tree = read_tree(path, path.name, "a suite")
    try:
        return Suite.model_validate(tree.data), path
    except ValidationError as error:
        raise input_error(error, tree.data, tree.place, path.name, Suite) from None


def machines_of(suite: Suite) -> list[Machine]:
    """Every machine of a suite, in the order of its columns.

    Raises
    ------
    InputError
        No such machine or cost table, or machines that cannot be made equal.
    """

    def load(name: str) -> Arch:
        return load_arch(name).at_dram_level(suite.dram_level)

    baseline, candidate = load(suite.baseline), load(suite.candidate)
    found = [Machine("baseline", baseline), Machine("third", load(suite.third))]
    found += [Machine("candidate", candidate)]
    found += [Machine("candidate_dense", without_sparsity(candidate))]
    if suite.equal is not None:
        equal = equal_of(suite, suite.costs)
        for role, of in SCALED.items():
            arch = equal.machines[of].arch().at_dram_level(suite.dram_level)
            found.append(Machine(role, arch, equal.scaled[of].text))
        for role, (of, end) in AT_ENDS.items():
            if of in equal.ends:
                made: Equalised = getattr(equal.ends[of], end)
                name = f"{equal.machines[of].arch().name} ({end} end)"
                arch = made.source.with_settings([("name", name)]).arch()
                found.append(Machine(role, arch.at_dram_level(suite.dram_level), made.text))
    published = [load(name) for name in suite.published]
    found += [Machine("published", arch) for arch in published]
    return found + [Machine("scaled", scaled_to(arch, baseline)) for arch in published]


def equal_of(suite: Suite, costs: str) -> Equal:
    """Baseline and third scaled to what the candidate has of `suite.equal`, by a cost table."""
    assert suite.equal is not None
    first = suite.workloads[0]
    roles = {"baseline": suite.baseline, "third": suite.third, "candidate": suite.candidate}
    return equal_machines(
        {role: arch_source(name) for role, name in roles.items()},
        measure_of(suite.equal, load_workload(first.workload, first.shape), costs),
        bytes_follow=False,
    )


def run_suite(
    suite: Suite, machines: Sequence[Machine], jobs: int = 1, progress: Progress | None = None
) -> list[Run]:
    """Simulate every workload, seed and machine; the order, and the figures, do not depend on
    `jobs`, the number of processes.
    """
    todo = [
        _job(suite, entry, seed, machine)
        for entry in suite.workloads
        for seed in range(entry.seeds)
        for machine in machines
    ]
    table = load_cost_table(suite.costs)
    for machine in machines:
        breakdown(machine.arch, table)  # refuse what is wrong before anything runs
    for job in todo:
        load_workload(job.workload, job.shape)
    runs: list[Run] = []
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for number, run in enumerate(pool.map(run_job, todo)):
            runs.append(run)
            if progress is not None:
                progress(f"{run.workload} on {run.machine}", number + 1, len(todo))
    return runs


def _job(suite: Suite, entry: SuiteWorkload, seed: int, machine: Machine) -> Job:
    shape = entry.shape
    if entry.seeds > 1:
        shape += (f"seed={seed}",)
    if machine.role in ("published", "scaled") and entry.workload in recipe_files():
        steps = load_recipe(entry.workload, shape).run.steps
        shape += (f"steps={min(steps, suite.published_steps)}",)
    return Job(entry.workload, shape, seed, machine, suite.costs)


def run_job(job: Job) -> Run:
    """One pair, with its energy; what is refused is said, not raised."""
    role, arch, _ = job.machine
    run = Run(job.workload, job.seed, role, arch.name, sections={}, energy={}, groups={})
    try:
        result = simulate(arch, load_workload(job.workload, job.shape))
    except InputError as error:
        return run._replace(refused=str(error))
    limit, share = leading_limit(result.operators)
    table = load_cost_table(job.costs)
    energy = energy_of(result, table)
    spent = energy.operators
    return run._replace(
        total_ps=result.total_ps,
        sections=section_times(result),
        limited_by=limit,
        limited_share=share,
        utilization=result.summary["overall_utilization"],
        dram_utilization=result.summary["dram_utilization"],
        dram_bytes=result.summary["dram_bytes"],
        effectual_macs=result.summary["effectual_macs"],
        energy=step_terms(result, table),
        groups={group: float(spent[group_column(group)].sum()) for group in GROUPS},
        sparse_energy_pj=sparse_energy(energy.actions, components(arch, table)),
        unverified_share=energy.summary["unverified_share"],
        area_mm2=energy.summary["area_mm2"],
        tokens=tokens(result.trace),
    )
