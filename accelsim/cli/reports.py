"""What commands that write a report share: the suites that it shows, and the command itself."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from typing import TYPE_CHECKING

import typer

from accelsim.progress import Progress

if TYPE_CHECKING:
    from accelsim.report.page.models import Validated


def validated(progress: Progress | None) -> list[Validated]:
    """Run the validation suites that take seconds, so that the page can say what was checked."""
    from accelsim.report.page.models import Validated
    from accelsim.validation.suites import SUITES, run_suite

    found = []
    quick = {name: suite for name, suite in SUITES.items() if suite.quick}
    for number, (name, suite) in enumerate(quick.items()):
        if progress is not None:
            progress(f"validating {name}", number, len(quick))
        outcome = run_suite(name)
        found.append(
            Validated(
                suite=name,
                checks=suite.checks,
                cases=len(outcome.judged()),
                max_error=outcome.max_abs_error,
                tolerance=outcome.tolerance_text,
                unit=outcome.unit,
                passed=outcome.passed,
            )
        )
    return found


def command_line(
    context: typer.Context, without: Collection[str] = ("out", "json_out", "jobs")
) -> str:
    """The command that runs, with the options that were given, but for where it writes."""
    words = context.command_path.split()[1:]
    for parameter in context.command.params:
        value = context.params.get(parameter.name or "")
        if parameter.name in without or value in (None, False) or value == parameter.default:
            continue
        for one in value if isinstance(value, list | tuple) else [value]:
            if parameter.param_type_name == "option":
                words.append(parameter.opts[0])
            if one is not True:
                words.append(str(one))
    return shlex.join(["accelsim", *words])
