"""Heat maps: how strongly pairs of parameters interact, and the means of the strongest pair."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from accelsim.report.style import broken_name, new_figure, settled, styled
from accelsim.report.sweep_study import Response, Study
from accelsim.report.sweep_words import level_text, name_text
from accelsim.report.words import times

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAME_WIDTH = 24
NAMED = 6  # parameters, up to which columns carry names
TWO_LINES = 14  # rows, up to which a long name has two lines and every cell its figure
LEVEL_WIDTH = 14
FAINT = 0.05  # the darkest cell has at least this share, so that chance does not look strong


class Interaction(NamedTuple):
    """`shares` : float64[parameters, parameters], of the variance of the log objective, by row and
    an earlier column; NaN where it could not be judged. `means` : float64[levels of first, of
    second], relative to all designs, NaN where no point is.
    """

    objective: str
    names: list[str]
    shares: np.ndarray
    balanced: bool
    pair: tuple[str, str]
    rows: list[str]
    columns: list[str]
    means: np.ndarray


def prepare(study: Study, objective: str, response: Response) -> Interaction | None:
    """The matrix of pairs and the table of the strongest; None where no pair could be judged."""
    table = response.strongest
    if table is None:
        return None
    names = list(dict.fromkeys(effect.parameter for effect in response.whole.effects))
    shares = np.full((len(names), len(names)), np.nan)
    for pair in response.whole.pairs:
        first, second = sorted((names.index(pair.first), names.index(pair.second)))
        shares[second, first] = np.nan if pair.share is None else pair.share
    return Interaction(
        name_text(objective),
        [study.columns[name] for name in names],
        shares,
        response.whole.balanced,
        (study.columns[table.first], study.columns[table.second]),
        [level_text(table.first, level) for level in table.rows],
        [level_text(table.second, level) for level in table.columns],
        table.effects,
    )


@styled
def draw(data: Interaction) -> Figure:
    """Darker is stronger, left, and more of the objective, right."""
    said = (
        "Shares are exact: every value of a parameter meets every other equally often"
        if data.balanced
        else "What chance alone would explain is taken off"
    )
    if np.isnan(data.shares[np.tril_indices(len(data.shares), -1)]).any():
        said += "; hatched: too few points for a combination of values, or never together"
    figure = new_figure(
        f"Which parameters act on {data.objective} together",
        "left: share of the variance of its logarithm that a pair explains beyond both main "
        "effects; right: the strongest pair",
        f"{said}. Right: geometric mean at both values / geometric mean over all settings; "
        "workloads and architectures normalised by their own means.",
    )
    grid = figure.add_gridspec(1, 2, width_ratios=[1.15, 1])
    _matrix(figure.add_subplot(grid[0]), data)
    _table(figure.add_subplot(grid[1]), data)
    return settled(figure)


def _matrix(axes: Axes, data: Interaction) -> None:
    """The lower triangle: rows and columns carry names; where they are many, columns numbers."""
    shown = data.shares[1:, :-1]
    count = len(shown)
    most = max(FAINT, float(np.nanmax(shown)))
    _cells(axes, shown, most)
    for row, column in np.argwhere(np.isnan(shown)):
        if column <= row:
            axes.add_patch(_hatched(column, row))
    size = max(6.5, min(13.0, 100 / count))
    for (row, column), share in np.ndenumerate(shown):
        if not np.isnan(share) and (count <= TWO_LINES or share >= 0.0005):
            text = "<0.1" if 0 < share < 0.0005 else f"{100 * share:.1f}"
            _write(axes, column, row, text, share / most, size)
    small = max(7.0, min(12.0, 130 / count))
    width = NAME_WIDTH if count <= TWO_LINES else 60
    names = [broken_name(name, width) for name in data.names]
    columns, first = [broken_name(name, LEVEL_WIDTH) for name in data.names[:-1]], ""
    if len(names) > NAMED:
        names = [f"{name}  [{at}]" for at, name in enumerate(names, start=1)]
        columns, first = [f"[{n + 1}]" for n in range(count)], f"\n[1] {data.names[0]}"
    axes.set_yticks(range(count), names[1:])
    axes.set_xticks(range(count), columns)
    axes.tick_params(length=0, labelsize=small)
    axes.set_title(f"share of variance, %{first}", fontsize=12, loc="left")


def _table(axes: Axes, data: Interaction) -> None:
    """The two-way means, the first parameter down and the second across."""
    logs = np.log(data.means)
    low, high = float(np.nanmin(logs)), float(np.nanmax(logs))
    shades = (logs - low) / (high - low) if high > low else np.zeros_like(logs)
    _cells(axes, shades, 1.0)
    size = max(6.5, min(13.0, 90 / max(data.means.shape)))
    for (row, column), value in np.ndenumerate(data.means):
        if np.isnan(value):
            axes.add_patch(_hatched(column, row))
        else:
            _write(axes, column, row, times(value), shades[row, column], size)
    rows, columns = data.means.shape
    axes.set_yticks(range(rows), [_level(text) for text in data.rows])
    axes.set_xticks(range(columns), [_level(text) for text in data.columns])
    axes.tick_params(length=0, labelsize=max(7.0, min(12.0, 90 / max(rows, columns))))
    if columns > 5:
        axes.tick_params(axis="x", labelrotation=90)
    axes.set_ylabel(broken_name(data.pair[0], 40))
    axes.set_xlabel(broken_name(data.pair[1], 40))
    axes.set_title(f"{data.objective}, relative", fontsize=12, loc="left")


def _level(text: str) -> str:
    """A level on short lines, a bin on two."""
    return text.replace(" to ", "\nto ") if " to " in text else broken_name(text, LEVEL_WIDTH)


def _cells(axes: Axes, values: np.ndarray, most: float) -> None:
    """Shades of blue from 0 to `most`; nothing where there is no value."""
    axes.imshow(values, cmap="Blues", vmin=0, vmax=1.15 * most, aspect="auto")
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    for at in np.arange(0.5, values.shape[1] - 1):
        axes.axvline(at, color="white", linewidth=2)
    for at in np.arange(0.5, values.shape[0] - 1):
        axes.axhline(at, color="white", linewidth=2)


def _write(axes: Axes, column: int, row: int, text: str, shade: float, size: float) -> None:
    axes.text(
        column, row, text, ha="center", va="center", fontsize=size,
        color="white" if shade > 0.62 else "black",
    )  # fmt: skip


def _hatched(column: int, row: int):  # type: ignore[no-untyped-def]
    from matplotlib.patches import Rectangle

    return Rectangle(
        (column - 0.5, row - 0.5), 1, 1, facecolor="#eeeeee", edgecolor="#999999", hatch="//",
        linewidth=0,
    )  # fmt: skip
