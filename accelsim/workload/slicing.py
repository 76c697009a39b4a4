"""A part of a trace: some layers, or some steps."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from accelsim.errors import InputError
from accelsim.workload.operators import Attention
from accelsim.workload.trace import Trace, write_trace

_LAYER = re.compile(r"(?:^|\.)L(\d+)(?:\.|$)")
_STEP = re.compile(r"^step(\d+)\.")


def layer_of(scope: str) -> int | None:
    """Layer number in a scope such as ``L3.moe`` or ``step0.encoder.L3.mlp``; None without one."""
    found = _LAYER.search(scope)
    return int(found.group(1)) if found else None


def step_of(scope: str) -> int | None:
    """Step number of a scope such as ``step2.L0.moe``; None without one."""
    found = _STEP.search(scope)
    return int(found.group(1)) if found else None


def parse_span(text: str, what: str) -> tuple[int, int | None]:
    """Read ``4``, ``0:4``, ``2:`` or ``:4`` as (first, one after the last or None)."""
    found = re.fullmatch(r"(\d*)(:?)(\d*)", text.strip())
    if not found or not text.strip(": "):
        raise InputError(f"{what} '{text}' is not a span", remedy="write 0:4, 2:, :4 or 3")
    first, colon, last = found.groups()
    start = int(first or 0)
    stop = (int(last) if last else None) if colon else start + 1
    if stop is not None and stop <= start:
        raise InputError(f"{what} '{text}' is empty", remedy="the end is not part of a span")
    return start, stop


def slice_trace(
    trace: Trace, out: str | Path, *, layers: str | None = None, steps: str | None = None
) -> Trace:
    """Write the operators of some layers and steps as a trace of their own.

    Operators outside numbered layers (embedding, final norm, head) are left out when `layers` is
    given. What an operator read from a part that is gone is a dependency no longer.

    Raises
    ------
    InputError
        A span is wrong or nothing lies in it.
    """
    chosen = list(range(len(trace.operators)))
    for text, what, number in ((layers, "layers", layer_of), (steps, "steps", step_of)):
        if text is not None:
            chosen = _within(trace, chosen, text, what, number)
    index = {old: new for new, old in enumerate(chosen)}
    operators = []
    for old in chosen:
        operator = trace.operators[old]
        inputs = tuple(index[i] for i in operator.inputs if i in index)
        operator = replace(operator, inputs=inputs)
        if isinstance(operator, Attention) and operator.index_operator is not None:
            if operator.index_operator not in index:
                raise InputError(f"the index operator of {operator.scope} is outside the slice")
            operator = replace(operator, index_operator=index[operator.index_operator])
        operators.append(operator)
    part = ", ".join(f"{w} {t}" for t, w in ((layers, "layers"), (steps, "steps")) if t)
    note = "; ".join(filter(None, (trace.note, f"{part} of {trace.name}")))
    name = Path(out).name.removesuffix(".trace")
    return write_trace(out, name, operators, **{**trace.metadata, "note": note})


def _within(
    trace: Trace, chosen: list[int], text: str, what: str, number: Callable[[str], int | None]
) -> list[int]:
    start, stop = parse_span(text, what)
    numbers = {i: number(trace.operators[i].scope) for i in chosen}
    known = sorted({n for n in numbers.values() if n is not None})
    kept = [
        i for i, n in numbers.items() if n is not None and n >= start and (stop is None or n < stop)
    ]
    if not kept:
        has = f"it has {known[0]} to {known[-1]}" if known else "its scopes have no such numbers"
        raise InputError(f"no operator lies in {what} {text}; {has}", where=trace.name)
    return kept
