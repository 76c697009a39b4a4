"""The console output of `accelsim explain`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from accelsim.analysis.explain import Explanation, number_text
from accelsim.analysis.meanings import STATE_MEANINGS, Meaning
from accelsim.analysis.why import Why
from accelsim.report.words import as_bytes, as_energy, as_time, percent

SHOWN = 12  # rows of the critical path
_SHORT: dict[str, Callable[[float], str]] = {"ps": as_time, "B": as_bytes, "pJ": as_energy}


def explanation_text(found: Explanation) -> RenderableType:
    """A figure or a word: what it is, how it is computed, and from what."""
    if found.column is None:
        assert found.meaning is not None
        return Group(Text(found.name, style="bold"), *_meaning(found.meaning))
    parts: list[RenderableType] = [_tree(found)]
    if found.meaning is not None:
        said = found.value if isinstance(found.value, str) else ""
        parts += [Text(), *_meaning(found.meaning, said)]
    return Group(*parts)


def _tree(found: Explanation) -> Tree:
    tree = Tree(_node(found))
    for each in found.inputs:
        tree.add(_tree(each))
    return tree


def _node(found: Explanation) -> Text:
    column = found.column
    assert column is not None
    value = _value(found.value, column.unit)
    if found.part is not None:
        value += f", {percent(found.part)} of servers x total"
    lines = [Text.assemble((found.name, "bold"), f" = {value}")]
    lines += [Text(_action(row, sum(found.value)), overflow="fold") for row in found.actions]
    if found.largest:
        unit = "ps" if column.name == "limited_by" else column.unit
        named = [f"{name} {_short(value, unit)}" for name, value in found.largest]
        lines.append(Text(f"largest: {', '.join(named)}"))
    lines.append(Text(column.formula))
    if found.filled:
        lines += [Text(f"= {column.expression}"), Text(f"= {found.filled}")]
    lines.append(Text(f"from {column.source}", style="dim"))
    return Text("\n").join(lines)


def _value(value: Any, unit: str) -> str:
    if isinstance(value, tuple):
        return f"{len(value)} rows, {_short(sum(value), unit)} together"
    if isinstance(value, list):
        return ", ".join(number_text(each) for each in value)
    if isinstance(value, str):
        return value or "(empty)"
    text = f"{number_text(value)} {unit}".rstrip()
    rounded = unit in ("ps", "B", "pJ") and abs(value) >= 1000
    return f"{text} ({_short(value, unit)})" if rounded else text


def _short(value: Any, unit: str) -> str:
    """A figure in the unit that fits its size."""
    if unit in _SHORT:
        return _SHORT[unit](value)
    return f"{number_text(value)} {unit}".rstrip()


def _action(row: dict[str, Any], whole: float) -> str:
    """An action: its share of all, how often, the energy of one, and what that rests on."""
    each = f"{number_text(row['count'])} x {number_text(row['each'])} {row['unit']}"
    if row["unit"] == "mW":
        each = f"{number_text(row['each'])} mW for {as_time(row['count'])}"
    mark = row["mark"] + ", unverified" * bool(row["unverified"])
    share = percent(row["energy_pj"] / whole if whole else 0.0)
    return (
        f"{share} {row['group']}: {row['component']}, {row['action']}:"
        f" {each} = {as_energy(row['energy_pj'])}; {row['entry']}: {mark}; {row['source']}"
    )


def _meaning(meaning: Meaning, word: str = "") -> list[Text]:
    head = f"{word}: " if word else ""
    return [
        Text(f"{head}{meaning.what}"),
        Text.assemble(("when: ", "bold"), meaning.when),
        Text.assemble(("what typically helps: ", "bold"), meaning.helps),
    ]


def why_text(found: Why, further: Sequence[tuple[str, str]]) -> RenderableType:
    """Where the time of a result goes; `further` : lines that follow, titles and texts."""
    s = found.summary
    limits = [
        f"{name} {percent(time / max(1, found.total_ps))}"
        for name, time in found.limits[:4]
        if time
    ]
    product = (
        f"{percent(s['overall_utilization'])} = {percent(s['array_occupancy'])} array busy x "
        f"{percent(s['mapping_efficiency'])} of its slots used x "
        f"{percent(s['effectual_fraction'])} effectual"
    )
    cycles = f"{s['total_cycles']:,.0f} cycles at {s['clock_ghz']:.4g} GHz"
    lines: list[RenderableType] = [
        _line(
            "total", f"{s['workload']} on {s['architecture']}: {as_time(found.total_ps)}, {cycles}"
        ),
        _line("operators are limited by", ", ".join(limits) if limits else "nothing"),
        Text(),
        _path_table(found),
        Text(),
        _unit_table(found),
        Text(),
        _line("utilisation", product),
        _line("DRAM", _dram(found)),
    ]
    lines += [_line(title, text) for title, text in further]
    return Group(*lines)


def _line(title: str, text: str) -> Text:
    return Text.assemble((f"{title}: ", "bold"), text, overflow="fold")


def _table(left: Sequence[str], right: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in left:
        table.add_column(title, overflow="fold")
    for title in right:
        table.add_column(title, justify="right", no_wrap=True)
    return table


def _path_table(found: Why) -> Table:
    table = _table(["critical path: unit", "operator"], ["time", "share"])
    whole = max(1, found.total_ps)
    for part in found.path[:SHOWN]:
        name = f"{part.name} ({part.operators})" if part.operators > 1 else part.name
        table.add_row(part.unit, name, as_time(part.time_ps), percent(part.time_ps / whole))
    rest = found.path[SHOWN:]
    if rest:
        time = sum(part.time_ps for part in rest)
        table.add_row("...", f"{len(rest)} more", as_time(time), percent(time / whole))
    table.add_row("total", "", as_time(found.total_ps), percent(found.total_ps / whole))
    return table


def _unit_table(found: Why) -> Table:
    table = _table(["unit"], ["of the path", "busy", "idle"])
    table.add_column("waits most, part of its time")
    whole = max(1, found.total_ps)
    for unit in found.units:
        waited = "-"
        if unit.waited_for:
            what = STATE_MEANINGS[unit.waited_for].what
            waited = f"{unit.waited_for} {percent(unit.waited)}: {what}"
        share = percent(unit.path_ps / whole)
        table.add_row(unit.unit, share, percent(unit.busy), percent(unit.idle), waited)
    return table


def _dram(found: Why) -> str:
    s = found.summary
    units = [f"{row['requester']} {percent(row['dram_share'])}" for row in found.memory]
    over = 1 - s["fetch_efficiency"] if s["dram_bytes"] else 0.0
    return (
        f"{as_bytes(s['dram_bytes'])}, {percent(s['dram_utilization'])} of peak "
        f"({', '.join(units)}); {percent(over)} of the bytes were not asked for (over-fetch); "
        f"{percent(s['row_hit_rate'])} row hits"
    )
