"""The workloads on the console: what there is, and one recipe in detail."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from accelsim.report.text import console
from accelsim.workload.fit import AttentionFit
from accelsim.workload.fit_routing import RoutingFit
from accelsim.workload.recipes.fitted import fits_of
from accelsim.workload.recipes.recipe import Recipe, load_recipe, recipe_files
from accelsim.workload.recipes.totals import active_parameters, macs, parameters
from accelsim.workload.statistics import dense_macs, shape_text
from accelsim.workload.trace import read_trace, shipped_workloads

_UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def print_workloads() -> None:
    """Print the table of all shipped workloads."""
    console().print(workloads_table())


def print_recipe(recipe: Recipe) -> None:
    """Print one recipe."""
    console().print(recipe_text(recipe))


def workloads_table() -> Table:
    """Shipped traces, then recipes; what is too long for a line is cut."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    rows = [_trace_row(name, path) for name, path in sorted(shipped_workloads().items())]
    rows += [_recipe_row(name) for name in sorted(recipe_files())]
    for name in ("workload", "phase", "batch", "length", "steps", "sparsity"):
        right = name in ("batch", "length", "steps")
        table.add_column(name, justify="right" if right else "left")
    left = console().width - max(len(row[0]) for row in rows) - 36
    for row in rows:
        table.add_row(*row[:-1], textwrap.shorten(row[-1], max(20, left), placeholder=" ..."))
    return table


def _trace_row(name: str, path: Path) -> tuple[str, ...]:
    trace = read_trace(path)
    sparsity = trace.selection_rule or ""
    return name, trace.phase, f"{trace.batch:,}", f"{trace.seq_len:,}", "", sparsity


def _recipe_row(name: str) -> tuple[str, ...]:
    recipe = load_recipe(name)
    run = recipe.run
    sizes = f"{run.batch:,}", f"{run.length:,}", str(run.steps)
    return name, run.phase, *sizes, recipe.patterns


def recipe_text(recipe: Recipe) -> RenderableType:
    """Sources, totals, and the operators that the first step replays."""
    run = recipe.run
    size = f"{run.phase}, batch {run.batch:,}, length {run.length:,}, {run.dtype}"
    if run.steps > 1:
        size += f", {run.steps} steps"
    head = [
        _line("workload", f"{recipe.name}: {recipe.title}"),
        _line("run", f"{size}, seed {run.seed}"),
        _line("source", recipe.source),
        _line("sparsity", recipe.patterns),
        _line("parameters", _total(recipe, "parameters", parameters)),
    ]
    if recipe.published is not None and recipe.published.active_parameters is not None:
        embedding = recipe.published.active_with_embedding
        head.append(
            _line("active", _total(
                recipe, "active_parameters", lambda r: active_parameters(r, embedding=embedding)
            ))
        )  # fmt: skip
    head.append(_line("MACs", f"{short_number(macs(recipe))} in the first step, nothing skipped"))
    parts: list[RenderableType] = [*head, Text(), _operators(recipe)]
    for name, fit in fits_of(recipe.model).items():
        parts += [Text(), *_fit(name, fit)]
    return Group(*parts)


def _fit(name: str, fit: AttentionFit | RoutingFit) -> list[RenderableType]:
    """What was fitted, and how near it comes."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("statistic")
    for column in ("trace", "fitted", "ratio", "over its operators"):
        table.add_column(column, justify="right")
    for row in fit.compared():
        ratio = f"{row.ratio:.3f}" if row.trace else ""
        spread = f"{row.least:.4g} to {row.most:.4g}"
        table.add_row(row.name, f"{row.trace:.4g}", f"{row.fitted:.4g}", ratio, spread)
    given = ", ".join(f"{key} {value}" for key, value in fit.parameters.items())
    return [
        _line("fit", f"{name}, {fit.shape}, pooled"),
        _line("rule", f"{fit.rule}: {given}; what the recipe gives beside like goes before"),
        table,
    ]


def _total(recipe: Recipe, name: str, count: Callable[[Recipe], int]) -> str:
    found, published = count(recipe), getattr(recipe.published, name, None)
    text = short_number(found)
    if published is None:
        return text
    assert recipe.published is not None
    return f"{text} (published: {short_number(published)}, {recipe.published.source})"


def _operators(recipe: Recipe) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("operator", "kind", "shape", "x", "MACs", "sparsity"):
        table.add_column(name, justify="right" if name in ("x", "MACs") else "left")
    operators = recipe.operators()
    if recipe.run.steps > 1:
        first = operators[0].scope.partition(".")[0]
        operators = [op for op in operators if op.scope.startswith(f"{first}.")]
    for op in operators:
        rules = [
            str(getattr(getattr(op, name, None), "rule", "") or "")
            for name in ("pattern", "weight_pattern", "activation_pattern", "output_pattern")
        ]
        table.add_row(
            op.scope, op.kind, shape_text(op), str(op.repeat) if op.repeat > 1 else "",
            short_number(dense_macs(op)), ", ".join(filter(None, rules)),
        )  # fmt: skip
    return table


def short_number(value: float) -> str:
    """12.9 G for 12,900,000,000."""
    for size, unit in _UNITS:
        if value >= size:
            return f"{value / size:.4g} {unit}"
    return f"{value:.4g}"


def _line(word: str, text: str) -> Text:
    return Text.assemble((f"{word:<11s}", "bold"), text)
