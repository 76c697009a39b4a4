"""`accelsim plot`: one picture by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from accelsim.cli.machines import machine_sources, named_machines
from accelsim.cli.options import Dtype, Overrides, Shape, Third, window_of
from accelsim.errors import InputError
from accelsim.progress import progress_display

if TYPE_CHECKING:
    from accelsim.analysis.comparison import Comparison
    from accelsim.arch.load import ArchSource
    from accelsim.progress import Progress
    from accelsim.report.gallery import Entry, Needs, Studied
    from accelsim.workload.trace import Trace

_MACHINES = "--baseline systolic_128 --candidate sparse_v1"
_SMALL = "--baseline systolic_32 --candidate sparse_small"


class Asked(NamedTuple):
    """What stood on the command line beside the name."""

    folder: Path | None
    arch: str | None
    baseline: str | None
    candidate: str | None
    third: str | None
    workload: tuple[str, ...]
    shape: tuple[str, ...]
    dtype: str | None
    overrides: tuple[str, ...]
    window: str | None
    plan: str | None


def plot(
    name: Annotated[str, typer.Argument(metavar="NAME", help="See accelsim list plots.")],
    folder: Annotated[
        Path | None, typer.Argument(metavar="[SWEEP]", help="The --out of a sweep.")
    ] = None,
    arch: Annotated[
        str | None, typer.Option(metavar="NAME|PATH", help="The machine, where there is one.")
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(metavar="NAME|PATH", help="The machine to be measured against.")
    ] = None,
    candidate: Annotated[
        str | None, typer.Option(metavar="NAME|PATH", help="The machine in question.")
    ] = None,
    third: Third = None,
    workload: Annotated[
        list[str] | None, typer.Option(metavar="NAME|PATH", help="A workload; may be repeated.")
    ] = None,
    shape: Shape = None,
    dtype: Dtype = None,
    overrides: Overrides = None,
    window: Annotated[
        str | None,
        typer.Option(
            metavar="BEGIN:END",
            help="Part of the time, such as 10us:50us.",
            show_default="where the longest operator begins",
        ),
    ] = None,
    plan: Annotated[
        str | None, typer.Option(metavar="NAME", help="Where SWEEP holds several plans.")
    ] = None,
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where the files go; made if it is missing.")
    ] = Path("pictures"),
) -> None:
    """Draw one picture as NAME.png and NAME.svg, with what stands behind it as NAME.csv.

    Example: accelsim plot speedup --baseline systolic_128 --candidate sparse_v1 --workload
    tiny_moe_lm --workload longctx_8k

    Example: accelsim plot gantt --arch sparse_v1 --workload tiny_moe_lm --window 10us:50us

    Example: accelsim plot pareto runs/ports

    Example: accelsim plot spread --baseline systolic_32 --candidate sparse_small --workload
    tiny_moe_lm
    """
    from accelsim.report.gallery import entry

    found = entry(name)
    asked = Asked(
        folder, arch, baseline, candidate, third, tuple(workload or ()), tuple(shape or ()), dtype,
        tuple(overrides or ()), window, plan,
    )  # fmt: skip
    _check(name, found.needs, asked)
    with progress_display() as progress:
        source = _source(name, found.needs, asked, progress)
    for path in _drawn(name, found, source, out):
        typer.echo(path)


def _check(name: str, needs: Needs, asked: Asked) -> None:
    """Refuse what is missing and what has no effect, before anything runs."""
    from accelsim.report.gallery import Needs

    compared, traces = {"baseline", "candidate", "third"}, {"workload", "shape", "dtype"}
    timed = ["window"] if name == "gantt" else []
    wanted, allowed, example = {
        Needs.COMPARISON: (
            ["--baseline", "--candidate", "--workload"],
            compared | traces | {"overrides"},
            f"{_MACHINES} --workload tiny_moe_lm",
        ),
        Needs.RUN: (
            ["--workload"],
            compared | traces | {"arch", "overrides", *timed},
            "--arch sparse_v1 --workload tiny_moe_lm",
        ),
        Needs.WHAT_IF: (
            ["--arch", "--workload"],
            traces | {"arch", "overrides"},
            "--arch sparse_v1 --workload tiny_moe_lm",
        ),
        Needs.ROBUSTNESS: (
            ["--baseline", "--candidate", "--workload"],
            compared | traces | {"overrides"},
            f"{_SMALL} --workload tiny_moe_lm",
        ),
        Needs.TRACE: (["--workload"], {"workload", "shape"}, "--workload tiny_moe_lm"),
        Needs.SWEEP: (["SWEEP"], {"folder", "plan"}, "runs/ports"),
    }.get(needs, ([], set(), ""))
    given = {field for field in Asked._fields if getattr(asked, field)}
    said = {"folder": "SWEEP", "overrides": "--set"}
    remedy = f"such as: accelsim plot {name} {example}".rstrip()
    named = {said.get(field, f"--{field}") for field in given}
    missing = [option for option in wanted if option not in named]
    if needs is Needs.RUN and not missing and "arch" not in given:
        missing = [o for o in ("--baseline", "--candidate") if o not in named]
        missing = ["--arch"] if len(missing) == 2 else missing
    if missing:
        raise InputError(f"plot {name} needs {' and '.join(missing)}", remedy=remedy)
    extra = sorted(said.get(field, f"--{field}") for field in given - allowed)
    if needs is Needs.RUN and "arch" in given and given & compared:
        extra = sorted(f"--{field}" for field in given & compared)
        raise InputError(f"--arch and {', '.join(extra)} exclude each other", remedy=remedy)
    if extra:
        raise InputError(f"plot {name} takes no {', '.join(extra)}", remedy=remedy)
    if needs in (Needs.WHAT_IF, Needs.ROBUSTNESS) and len(asked.workload) > 1:
        raise InputError(f"plot {name} takes one --workload", remedy=remedy)


def _source(name: str, needs: Needs, asked: Asked, progress: Progress | None) -> Any:
    """Run or read what the picture is drawn from."""
    from accelsim.report.gallery import Changes, Needs, Runs, roles_of

    window = None if asked.window is None else window_of(asked.window, "--window")
    if needs is Needs.COMPARISON:
        return _compared(asked, progress)
    if needs is Needs.RUN and asked.arch is None:
        return Runs([roles_of(c) for c in _compared(asked, progress)], window)
    if needs is Needs.RUN:
        from accelsim import load_arch, simulate

        assert asked.arch is not None
        machine = load_arch(asked.arch, asked.overrides)
        runs = [simulate(machine, trace, progress=progress) for trace in _traces(asked)]
        return Runs([{"": result} for result in runs], window)
    if needs is Needs.WHAT_IF:
        from accelsim.arch.load import arch_source
        from accelsim.sweep.what_if import what_if

        assert asked.arch is not None
        source, (trace,) = arch_source(asked.arch).changed(asked.overrides), _traces(asked)
        return Changes(source.arch(), trace, *what_if(source, trace, progress))
    if needs is Needs.ROBUSTNESS:
        return _studied(name, asked, progress)
    if needs is Needs.TRACE:
        return _traces(asked)
    if needs is Needs.SWEEP:
        from accelsim.report.sweep_study import study_of
        from accelsim.sweep.table import read_table

        assert asked.folder is not None
        return study_of(read_table(asked.folder, asked.plan), str(asked.folder))
    if needs is Needs.VALIDATION:
        from accelsim.validation.page import points
        from accelsim.validation.suites import ALL, run_suite

        return points([run_suite(suite, None, progress, None) for suite in ALL])
    if needs is Needs.DENSITY:
        from accelsim.sweep.density import density_points
        from accelsim.sweep.trios import BIG

        return density_points(BIG.sources(), progress=progress)
    return None


def _traces(asked: Asked) -> list[Trace]:
    from accelsim import load_trace

    traces = [load_trace(name, asked.shape) for name in asked.workload]
    return [trace if asked.dtype is None else trace.replayed(asked.dtype) for trace in traces]


def _machines(asked: Asked) -> dict[str, ArchSource]:
    """The machines of a comparison by role."""
    assert asked.baseline is not None and asked.candidate is not None
    named = named_machines(asked.baseline, asked.candidate, asked.third)
    return machine_sources(named, asked.overrides)


def _compared(asked: Asked, progress: Progress | None) -> list[Comparison]:
    from accelsim.simulation import compare

    archs = {role: source.arch() for role, source in _machines(asked).items()}
    machines = archs["baseline"], archs["candidate"]
    third = archs.get("third")
    return [compare(*machines, trace, third, progress=progress) for trace in _traces(asked)]


def _studied(name: str, asked: Asked, progress: Progress | None) -> Studied:
    """A comparison and what a picture shows of its robustness."""
    from accelsim.report.gallery import Studied
    from accelsim.sweep.robustness import robustness
    from accelsim.workload.catalogue import with_batch

    part = {"flip": "flips", "ablation": "ablation", "spread": "spreads"}[name]
    (comparison,) = _compared(asked, progress)
    found = robustness(
        _machines(asked), comparison.trace, comparison, parts=(part,), progress=progress,
        again=with_batch(asked.workload[0], asked.shape, asked.dtype),
    )  # fmt: skip
    return Studied(found, comparison)


def _drawn(name: str, found: Entry, source: Any, out: Path) -> list[Path]:
    """Write all files of a picture; give their paths."""
    from accelsim.report.gallery import SWEEP_TABLES
    from accelsim.report.style import file_name, save
    from accelsim.report.tables import write_csv

    paths: list[Path] = []
    prepared = found.prepare(source)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for suffix, data in prepared.items():
            own = f"{name}_{suffix}" if len(prepared) > 1 else name
            paths += save(found.draw(data), out, own)
            if found.table is not None:
                paths.append(out / f"{file_name(own)}.csv")
                write_csv(found.table(data), paths[-1])
        if name in SWEEP_TABLES:
            paths.append(out / f"{name}.csv")
            write_csv(SWEEP_TABLES[name](source), paths[-1])
    except OSError as error:
        raise InputError(
            f"cannot be written: {error.strerror}", where=str(out), remedy="name another folder"
        ) from None
    return paths


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("plot")(plot)
