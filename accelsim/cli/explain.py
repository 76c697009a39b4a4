"""`accelsim explain`: why a result is what it is, and how a figure of it is computed."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from accelsim.cli.options import Role, no_roles
from accelsim.cli.ran import RAN, command, load_again
from accelsim.progress import progress_display

if TYPE_CHECKING:
    from accelsim.analysis.saved import Saved

EXAMPLES = "\n\n".join(
    f"accelsim explain {rest}"
    for rest in (
        "result.json",
        "result.json L0.attention.core:utilization",
        "result.json array:stall:memory",
        "result.json 'row imbalance'",
        "comparison.json speedup --role third",
        "result.json energy_pj",
        "result.json --what-if",
    )
)


def explain(
    ctx: typer.Context,
    result: Annotated[
        Path,
        typer.Argument(metavar="RESULT.json", help="Of accelsim run --json, or compare --json."),
    ],
    metric: Annotated[
        str | None,
        typer.Argument(
            metavar="METRIC",
            help="overall_utilization, energy_pj, OPERATOR:COLUMN, UNIT:COLUMN, UNIT:STATE, "
            "COMPONENT:COLUMN, 'row imbalance', ...; a name that is not known lists those that "
            "are.",
            show_default="why it takes as long as it does",
        ),
    ] = None,
    operator: Annotated[
        str | None,
        typer.Option(metavar="SCOPE", help="Of this operator (scope, or number in the trace)."),
    ] = None,
    role: Role = None,
    what_if: Annotated[
        bool, typer.Option("--what-if", help="Simulate again: what would help, largest gain first.")
    ] = False,
) -> None:
    """Say why a result takes as long as it does; or how one figure or word of it comes about.

    Example: accelsim explain result.json overall_utilization
    """
    from accelsim.analysis.saved import read_saved
    from accelsim.errors import InputError
    from accelsim.hardware.columns import COST_PARTS

    if operator is not None and metric is None:
        raise InputError(
            "no METRIC", where="--operator", remedy=f"name one: {result} utilization --operator ..."
        )
    saved = read_saved(result, role, terms=True, further=COST_PARTS)
    if role is not None and not saved.role:
        raise no_roles(result)
    if metric is not None:
        from accelsim.analysis.explain import explain as explained
        from accelsim.report.explain_text import explanation_text
        from accelsim.report.text import console

        console().print(explanation_text(explained(saved, metric, operator)), crop=False)
    elif not what_if:
        _why(ctx, saved, result)
    if what_if:
        _what_if(saved, str(result))


def _why(ctx: typer.Context, saved: Saved, file: Path) -> None:
    from accelsim.analysis.why import why
    from accelsim.report.explain_text import why_text
    from accelsim.report.text import console
    from accelsim.report.words import times, without_layer

    found = why(saved.result, without_layer)
    lines = []
    if saved.compared is not None and "speedup" in saved.compared:
        speedup = times(saved.compared["speedup"])
        lines.append(("speedup", f"{speedup} over the baseline, this machine being {saved.role}"))
    lines += asked_next(ctx, saved)
    word = found.limits[0][0]
    asked = shlex.join(["accelsim", "explain", str(file), word])
    lines.append(("what a word or a figure means", f"{asked} (or overall_utilization, ...)"))
    console().print(why_text(found, lines), crop=False)


def asked_next(ctx: typer.Context, saved: Saved) -> list[tuple[str, str]]:
    """What to ask next, of the commands that there are."""
    ran = saved.result.get(RAN)
    if ran is None:
        return []
    found = [("what would help", command(ran, "what-if"))]
    root = ctx.find_root().command
    base = (saved.baseline or {}).get(RAN)
    if "robustness" in getattr(root, "commands", {}) and base and saved.role == "candidate":
        whole = command(ran, "robustness").replace("--arch", "--candidate", 1)
        other = shlex.join(["--baseline", base["arch"]])
        found.append(("how sure the speedup is", f"{whole} {other}"))
    return found


def _what_if(saved: Saved, where: str) -> None:
    from accelsim.cli.what_if import print_what_if
    from accelsim.sweep.what_if import what_if

    source, trace = load_again(saved.result.get(RAN), where)
    with progress_display() as progress:
        before, found = what_if(source, trace, progress)
    print_what_if(f"{trace.name} on {source.arch().name}", before, found)
    was = saved.result["summary"]["total_ps"]
    if before != was:
        from accelsim.report.words import as_time

        typer.echo(f"note: {where} says {as_time(was)}: another version of accelsim made it")


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("explain", epilog=EXAMPLES)(explain)
