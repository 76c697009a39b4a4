"""A suite: many workloads on many machines, each pair simulated in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from pydantic import Field, ValidationError

from accelsim.analysis.limits import leading_limit
from accelsim.analysis.sections import section_times
from accelsim.arch.load import load_arch
from accelsim.arch.scale import scaled_to
from accelsim.arch.spec import Arch
from accelsim.config.faults import input_error
from accelsim.config.record import Spec
from accelsim.config.tree import read_tree, shipped_folder
from accelsim.errors import InputError, unknown_name
from accelsim.simulation import simulate, without_sparsity
from accelsim.workload.catalogue import load_workload
from accelsim.workload.recipes.recipe import load_recipe, recipe_files

Progress = Callable[[str, int, int], None]


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
    same steps of the baseline. `dram_level` : of every machine.

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
    workloads: tuple[SuiteWorkload, ...] = Field(min_length=1)


class Machine(NamedTuple):
    """`role` : baseline, third, candidate, candidate_dense, published or scaled."""

    role: str
    arch: Arch


class Run(NamedTuple):
    """One machine on one workload and seed; times in ps.

    `sections` : (step, layer) -> time on the critical path, see `section_times`. `refused` : why
    it could not run.
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
    refused: str = ""


class Job(NamedTuple):
    """What a process is given."""

    workload: str
    shape: tuple[str, ...]
    seed: int
    machine: Machine


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
    """Every machine of a suite, in the order of its columns."""

    def load(name: str) -> Arch:
        return load_arch(name).at_dram_level(suite.dram_level)

    baseline, candidate = load(suite.baseline), load(suite.candidate)
    found = [Machine("baseline", baseline), Machine("third", load(suite.third))]
    found += [Machine("candidate", candidate)]
    found += [Machine("candidate_dense", without_sparsity(candidate))]
    published = [load(name) for name in suite.published]
    found += [Machine("published", arch) for arch in published]
    return found + [Machine("scaled", scaled_to(arch, baseline)) for arch in published]


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
    for job in todo:
        load_workload(job.workload, job.shape)  # refuse what is wrong before anything runs
    runs: list[Run] = []
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for number, run in enumerate(pool.map(_run, todo)):
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
    return Job(entry.workload, shape, seed, machine)


def _run(job: Job) -> Run:
    role, arch = job.machine
    run = Run(job.workload, job.seed, role, arch.name)
    try:
        result = simulate(arch, load_workload(job.workload, job.shape))
    except InputError as error:
        return run._replace(refused=str(error))
    limit, share = leading_limit(result.operators)
    return run._replace(
        total_ps=result.total_ps,
        sections=section_times(result),
        limited_by=limit,
        limited_share=share,
        utilization=result.summary["overall_utilization"],
        dram_utilization=result.summary["dram_utilization"],
        dram_bytes=result.summary["dram_bytes"],
        effectual_macs=result.summary["effectual_macs"],
    )
