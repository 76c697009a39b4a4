"""Options that several subcommands share, each declared once."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from accelsim.errors import InputError

MOST_JOBS = 8  # unless more are asked for: each takes memory

Machine = Annotated[
    str, typer.Option("--arch", metavar="NAME|PATH", help="A shipped architecture or a YAML.")
]
Baseline = Annotated[
    str, typer.Option(metavar="NAME|PATH", help="The machine to be measured against.")
]
Candidate = Annotated[str, typer.Option(metavar="NAME|PATH", help="The machine in question.")]
Third = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|PATH",
        help="The honest rival, usually baseline + gather.",
        show_default="the shipped BASELINE_gather, where there is one",
    ),
]
Workload = Annotated[
    str,
    typer.Option(
        "--workload",
        metavar="NAME|PATH",
        help="A shipped trace or recipe (accelsim workload list), or a trace folder.",
    ),
]
Shape = Annotated[
    list[str] | None,
    typer.Option(
        "--shape",
        metavar="PATH=VALUE",
        help="Change a recipe: batch=8, length=4096, simulated_layers=5, model.d_model=512, ...",
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Change a field of every architecture named, such as dram.bandwidth='450 GB/s'.",
    ),
]
Dtype = Annotated[
    str | None,
    typer.Option(
        "--dtype",
        metavar="NAME",
        help="Replay all of it in fp32, bf16, fp16, fp8, int8, int4, mxfp8, mxfp6 or mxfp4.",
        show_default="the types of the workload",
    ),
]
AtEqual = Annotated[
    str | None,
    typer.Option(
        "--equal",
        metavar="MEASURE",
        help="Scale machines to the same area, power, macs or cost and compare these.",
    ),
]
Scale = Annotated[
    list[str] | None,
    typer.Option(
        "--scale",
        metavar="ROLE",
        help="With --equal, the machine that is scaled: baseline, third or candidate.",
        show_default="all but the candidate",
    ),
]
Costs = Annotated[
    str | None,
    typer.Option(
        "--costs",
        metavar="NAME|PATH",
        help="The cost table that areas, powers and costs are of.",
        show_default="45nm",
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs", min=1, help="Processes; figures do not depend on it.",
        show_default=f"the cores that are free to use, at most {MOST_JOBS}",
    ),
]  # fmt: skip


def writable(path: Path | None) -> Path | None:
    """Refuse a place that cannot be written before anything runs."""
    if path is not None:
        try:
            taken, folder = path.is_dir(), path.absolute().parent
            reason = errno.EISDIR if taken else errno.ENOENT
            if not taken and folder.is_dir():
                reason = 0 if os.access(folder, os.W_OK | os.X_OK) else errno.EACCES
            if reason:
                raise OSError(reason, os.strerror(reason))
        except OSError as error:
            raise _not_written(path, error) from None
    return path


JsonOut = Annotated[
    Path | None,
    typer.Option(
        "--json", metavar="OUT", help="Also write the figures as JSON.", callback=writable
    ),
]
Role = Annotated[
    str | None,
    typer.Option(
        metavar="ROLE",
        help="Machine of a comparison: baseline, third, candidate or candidate_dense.",
        show_default="candidate",
    ),
]


def no_roles(path: Path) -> InputError:
    """Build the error for a role of a result that has none."""
    return InputError(
        "holds one run", where=str(path), remedy="--role is for files of accelsim compare --json"
    )


def cores(jobs: int | None) -> int:
    """Processes to use: what was asked for, or what there is."""
    return jobs or min(MOST_JOBS, len(os.sched_getaffinity(0)))


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write JSON so that the file is either whole or not there.

    Raises
    ------
    InputError
        The place cannot be written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise _not_written(path, error) from None


def _not_written(path: Path, error: OSError) -> InputError:
    return InputError(
        f"cannot be written: {error.strerror}", where=str(path),
        remedy="name a file in an existing folder that you may write to",
    )  # fmt: skip


def window_of(text: str, where: str) -> tuple[int, int]:
    """Read BEGIN:END, times with units, in ps.

    Raises
    ------
    InputError
        The text is no window; `where` names the option.
    """
    from accelsim.arch.units import parse_duration

    begin, colon, end = text.partition(":")
    try:
        first, last = parse_duration(begin or "0 ps"), parse_duration(end)
        if not colon or first >= last:
            raise ValueError(f"'{text}' is no window")
    except ValueError as error:
        raise InputError(
            str(error), where=where, remedy="expected BEGIN:END such as 10us:50us"
        ) from None
    return first, last
