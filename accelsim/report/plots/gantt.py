"""Gantt chart: who ran when, a row for every server of a unit, the critical path marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from accelsim.analysis.result import Result
from accelsim.analysis.servers import critical_segments
from accelsim.analysis.spans import spans, task_servers
from accelsim.report.style import OTHER_KIND, kind_style, legend_below, new_figure, settled, styled
from accelsim.report.terms import clock_and_dram_text, machine_label
from accelsim.report.words import as_time, origin_text, replay_sentence, time_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_SPANS = 4_000  # of a figure; more are joined with their neighbours
AS_SHAPES = 1_500  # spans of a figure, above which they are an image inside the SVG
MOST_ROWS = 36  # of a figure
TASKS = 1_200  # about, in a window that nobody chose
PIXELS = 2_000
Window = tuple[int, int]


class GanttPanel(NamedTuple):
    """Spans of a machine, int64 or float64[spans]; times in ps from the begin of its window.

    `rows` : names of the servers, top first; `held` : the part of the window for which each was
    held. `row`, `kind` : numbers in `rows` and in `Gantt.kinds`. `path` : float64[segments, 3],
    row, begin and end of what is on the critical path. `left_out` : rows that are not shown.
    """

    title: str
    rows: list[str]
    held: np.ndarray
    row: np.ndarray
    kind: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    path: np.ndarray
    left_out: int


class Gantt(NamedTuple):
    """Windows of equal length `length_ps` on one or several machines."""

    title: str
    caption: str
    kinds: list[str]
    length_ps: int
    panels: list[GanttPanel]


def windows_of(results: Mapping[str, Result]) -> list[Window]:
    """A window of each machine from where the longest operator of the first one begins.

    All have one length: that of the operator where it takes longest, but no more than holds about
    `TASKS` tasks on every machine.
    """
    table = next(iter(results.values())).operators
    operator = int((table["time_ps"] / table["repeat"]).to_numpy().argmax())
    begins, lengths, most = [], [], []
    for result in results.values():
        program, schedule = result.program, result.schedule
        mine = program.operator == operator
        work = mine & (np.diff(program.run_ptr) == 0)  # what it reads may have come long before
        begin = int(schedule.start[work if work.any() else mine].min())
        starts = np.sort(schedule.start[schedule.start >= begin])
        begins.append(begin)
        lengths.append(int(schedule.finish[mine].max()) - begin)
        most.append(int(starts[TASKS]) - begin if starts.size > TASKS else lengths[-1])
    length = min([max(lengths), *(m for m in most if m > 0)])
    return [(begin, begin + max(1, length)) for begin in begins]


def prepare(results: Mapping[str, Result], windows: Sequence[Window] | None = None) -> Gantt:
    """Spans of every machine in its window, all of one length; by default `windows_of` them."""
    chosen = windows_of(results) if windows is None else list(windows)
    archs = [result.arch for result in results.values()]
    trace = next(iter(results.values())).trace
    kinds = list(dict.fromkeys(op.kind for op in trace.operators))
    rows, most = max(1, MOST_ROWS // len(results)), MOST_SPANS // len(results)
    panels = [
        _panel(machine_label(role, result.arch), result, window, kinds, rows, most)
        for (role, result), window in zip(results.items(), chosen, strict=True)
    ]
    begin, end = chosen[0]
    seen = sorted({int(k) for panel in panels for k in panel.kind})
    ranks = np.zeros(len(kinds) + 1, np.int64)
    ranks[seen] = np.arange(len(seen))
    return Gantt(
        title=f"{trace.name}: who ran when",
        caption=f"Workload: {trace.name} ({origin_text(trace)}). Machines: "
        f"{', '.join(arch.name for arch in archs)}; {clock_and_dram_text(archs)}. Units without "
        f"a task have no row.{replay_sentence(trace)}",
        kinds=[[*kinds, OTHER_KIND][k] for k in seen],
        length_ps=end - begin,
        panels=[panel._replace(kind=ranks[panel.kind]) for panel in panels],
    )


def _panel(
    label: str, result: Result, window: Window, kinds: list[str], most_rows: int, most: int
) -> GanttPanel:
    program, schedule = result.program, result.schedule
    begin, end = window
    server = task_servers(result)
    width = int(server.max(initial=0)) + 1
    row_of = np.where(server >= 0, program.unit * width + server, -1)
    inside = (row_of >= 0) & (schedule.start < end) & (schedule.server_free > begin)
    clipped = np.minimum(schedule.server_free, end) - np.maximum(schedule.start, begin)
    places = len(program.units.name) * width
    held = np.bincount(row_of[inside], clipped[inside], places) / max(1, end - begin)
    used = np.unique(row_of[row_of >= 0])
    shown = np.sort(used[np.argsort(-held[used], kind="stable")[:most_rows]])
    number = np.full(places + 1, -1)
    number[shown] = np.arange(shown.size)
    found = spans(result, begin, end, most, server)
    row = number[found.unit * width + found.server]
    on = row >= 0
    kind_of = [kinds.index(op.kind) for op in result.trace.operators]
    kind = np.array([*kind_of, len(kinds)], np.int64)[found.operator]  # operator -1: the last
    task, first, last = (part[::-1] for part in critical_segments(
        schedule.start, schedule.finish, schedule.blame
    ))  # fmt: skip
    path = np.column_stack([number[row_of[task]], first - begin, last - begin]).astype(float)
    several = program.units.servers > 1
    names = [
        f"{program.units.name[r // width]}{f' {r % width}' if several[r // width] else ''}"
        for r in shown.tolist()
    ]
    total = as_time(result.replayed_ps)
    return GanttPanel(
        title=f"{label}, {as_time(begin) if begin else 0} to {as_time(end)} of {total}",
        rows=names,
        held=held[shown],
        row=row[on],
        kind=kind[on],
        begin=np.maximum(found.begin_ps, begin)[on] - begin,
        end=np.minimum(found.end_ps, end)[on] - begin,
        path=_path(path, end - begin),
        left_out=used.size - shown.size,
    )


def _path(segments: np.ndarray, length: int) -> np.ndarray:
    """Segments of the window on rows that are shown, neighbours on one row as one."""
    inside = (segments[:, 0] >= 0) & (segments[:, 1] < length) & (segments[:, 2] > 0)
    kept = segments[inside & (segments[:, 2] > segments[:, 1])]
    kept[:, 1:] = np.clip(kept[:, 1:], 0, length)
    if not len(kept):
        return kept
    near = kept[1:, 1] - kept[:-1, 2] < length / PIXELS
    new = np.append(True, ~((kept[1:, 0] == kept[:-1, 0]) & near))
    heads = np.flatnonzero(new)
    tails = np.append(heads[1:], len(kept)) - 1
    return np.column_stack([kept[heads, :2], kept[tails, 2]])


@styled
def draw(data: Gantt) -> Figure:
    """Grey is idle; colour and hatch are the kind of operator."""
    hidden = sum(panel.left_out for panel in data.panels)
    figure = new_figure(
        data.title,
        "a row is a server of a unit; colour: kind of operator; grey: idle; black: on the critical "
        "path; right: part of the window in which the server was held",
        data.caption + f" {hidden} servers that were held least are not shown." * (hidden > 0),
    )
    heights = [max(1, len(panel.rows)) for panel in data.panels]
    grid = figure.subplots(
        len(data.panels), 1, sharex=True, squeeze=False, height_ratios=[h + 1.2 for h in heights]
    )[:, 0]
    unit, size = time_unit(data.length_ps / 10)
    as_image = sum(len(panel.row) + len(panel.path) for panel in data.panels) > AS_SHAPES
    label = min(11.5, 285 / (sum(heights) + 2 * len(heights)))
    for axes, panel in zip(grid, data.panels, strict=True):
        _rows(axes, panel, data.length_ps / size, label)
        for kind, name in enumerate(data.kinds):
            mine = panel.kind == kind
            colour, hatch = kind_style(name)
            _boxes(
                axes, panel.row[mine] - 0.42, panel.begin[mine] / size, panel.end[mine] / size,
                0.6, colour, hatch, as_image,
            )  # fmt: skip
        at, first, last = panel.path.T
        _boxes(axes, at + 0.22, first / size, last / size, 0.2, "#000000", "", as_image)
        axes.set_title(panel.title, loc="left", fontsize=max(9.0, min(13.0, label + 2)))
    grid[-1].set_xlabel(f"time in the window ({unit})")
    _legend(figure, data.kinds)
    return settled(figure)


def _rows(axes: Axes, panel: GanttPanel, length: float, size: float) -> None:
    count = len(panel.rows)
    axes.barh(np.arange(count) - 0.12, length, 0.6, color="#ececec", zorder=0.5)
    axes.set_xlim(0, length)
    axes.set_ylim(count - 0.4, -0.6)
    axes.set_yticks(range(count), panel.rows)
    axes.tick_params(axis="y", length=0, labelsize=size)
    axes.grid(False)
    for at, held in enumerate(panel.held):
        axes.text(
            1.008, at, f"{100 * held:.0f} %", transform=axes.get_yaxis_transform(), va="center",
            fontsize=size,
        )  # fmt: skip


def _boxes(
    axes: Axes, top: np.ndarray, left: np.ndarray, right: np.ndarray, height: float, colour: str,
    hatch: str, as_image: bool,
) -> None:  # fmt: skip
    """Boxes of one colour as a single path, so that the file stays small."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    if not left.size:
        return
    corners = np.empty((left.size, 5, 2))
    corners[:, :, 0] = np.column_stack([left, right, right, left, left])
    corners[:, :, 1] = np.column_stack([top, top, top + height, top + height, top])
    codes = np.tile([Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY], left.size)
    patch = PathPatch(
        Path(corners.reshape(-1, 2), codes), facecolor=colour, edgecolor="white" if hatch else
        colour, hatch=hatch, linewidth=0, rasterized=as_image,
    )  # fmt: skip
    axes.add_patch(patch)


def _legend(figure: Figure, kinds: list[str]) -> None:
    from matplotlib.patches import Patch

    handles = [
        Patch(facecolor=c, hatch=h, edgecolor="white", label=kind)
        for kind, (c, h) in ((kind, kind_style(kind)) for kind in kinds)
    ]
    handles += [Patch(color="#000000", label="critical path"), Patch(color="#ececec", label="idle")]
    legend_below(figure, handles, min(7, len(handles)))
