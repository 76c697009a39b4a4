"""How every plot looks, and how it is written: 16:9, colour-blind safe, the same bytes twice."""

from __future__ import annotations

import hashlib
import io
import re
import textwrap
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

P = ParamSpec("P")

INCHES = (12.8, 7.2)
PNG_DPI = 150
TITLE_LENGTH = 75  # characters that fit at full size
LEGEND_LENGTH = 165  # characters of a line, with the place of the marks
LEGEND_ROW = 0.031  # of the height
_FINE = (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 4, 5, 6, 7, 8, 9)
_HOVER = "hover: "
_POWER = re.compile(r"\$\\mathdefault\{[^$]*\}\$")  # labels of logarithmic axes
_NO_FILE_NAME = re.compile(r"[^A-Za-z0-9._-]")
LONGEST_FILE_NAME = 100
TEXT_GREY = "#444444"

# Okabe and Ito's palette, chosen so that neighbours also differ in grey; hatches back it up.
ROLE_COLOURS = {
    "baseline": "#4d4d4d",
    "third": "#e69f00",
    "candidate": "#0072b2",
    "candidate_dense": "#a6cee3",
}
ROLE_HATCHES = {"baseline": "", "third": "", "candidate": "", "candidate_dense": "//"}

# Kinds of operators, the same in every plot; those of one hatch differ in grey.
KIND_STYLE = {
    "attention": ("#0072b2", ""),
    "matmul": ("#e69f00", ""),
    "moe": ("#cc79a7", "//"),
    "vector": ("#009e73", "\\\\"),
    "index": ("#56b4e9", ".."),
    "topk": ("#f0e442", ""),
    "gather": ("#d55e00", "xx"),
    "scatter_add": ("#b2abd2", "++"),
}
# Groups of components; all differ in grey, as hatches say something else of them.
GROUP_COLOURS = {
    "array": "#09457e",
    "scratchpad": "#e36400",
    "wires": "#704f96",
    "vector": "#008561",
    "index": "#faf4a2",
    "gather": "#38a7e5",
    "scatter": "#eda400",
    "store": "#390f4d",
    "DRAM interface": "#f4d6be",
    "DRAM": "#c6c6c6",
}
OTHER_KIND = "between operators"

_RC: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 13,
    "axes.titlesize": 14,
    "axes.labelsize": 13,
    "xtick.labelsize": 12,
    "ytick.labelsize": 12,
    "legend.fontsize": 12,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": "#dddddd",
    "hatch.linewidth": 0.6,
    "svg.hashsalt": "accelsim",
    "svg.fonttype": "path",
    "figure.facecolor": "white",
}


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Decorate a draw function: its figure is made in the report's style."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        import matplotlib

        with matplotlib.rc_context(_RC):
            return draw(*args, **kwargs)

    return drawn


def new_figure(title: str, subtitle: str, caption: str) -> Figure:
    """A 16:9 figure with its heading above and its caption below the space for axes."""
    from matplotlib.figure import Figure

    below = textwrap.wrap(caption, 152)
    above = textwrap.wrap(subtitle, 130)
    figure = Figure(figsize=INCHES, dpi=100, layout="constrained")
    bottom, top = 0.028 * len(below) + 0.015, 0.912 - 0.035 * len(above)
    engine = figure.get_layout_engine()
    assert engine is not None
    engine.set(rect=(0.005, bottom, 0.99, top - bottom))  # type: ignore[call-arg]
    size = min(19.0, 19.0 * TITLE_LENGTH / max(1, len(title)))
    figure.text(0.015, 0.975, title, fontsize=size, fontweight="bold", va="top")
    figure.text(0.015, 0.915, "\n".join(above), fontsize=13, color=TEXT_GREY, va="top")
    figure.text(0.015, 0.012, "\n".join(below), fontsize=10.5, color=TEXT_GREY, va="bottom")
    return figure


def settle(figure: Figure) -> None:
    """Lay axes out once and round their places: a solver's last digits differ between runs."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        axes.set_position(tuple(round(edge, 6) for edge in axes.get_position().bounds))


def legend_below(figure: Figure, handles: Sequence[Artist], columns: int) -> None:
    """A legend between all axes and the caption, in at most so many columns."""
    engine = figure.get_layout_engine()
    assert engine is not None
    left, bottom, width, height = engine.get()["rect"]
    longest = max((len(str(handle.get_label())) for handle in handles), default=1)
    columns = min(columns, LEGEND_LENGTH // (longest + 11))
    needed = LEGEND_ROW * -(-len(handles) // max(1, columns)) + 0.012
    engine.set(rect=(left, bottom + needed, width, height - needed))  # type: ignore[call-arg]
    figure.legend(
        handles=list(handles), loc="center", bbox_to_anchor=(left, bottom, width, needed),
        ncols=max(1, columns), borderaxespad=0, borderpad=0, labelspacing=0.3,
    )  # fmt: skip


def settled(figure: Figure) -> Figure:
    """Lay out several axes once, and round their places.

    The last digits of the solver's places differ from run to run, and an SVG shows them.
    """
    dpi = figure.dpi
    figure.set_dpi(PNG_DPI)
    with _as_written(figure):
        for _ in range(2):  # the first pass finds the sizes of texts at the places of the second
            figure.draw_without_rendering()
    figure.set_dpi(dpi)
    places = [axes.get_position().bounds for axes in figure.axes]
    figure.set_layout_engine("none")
    for axes, bounds in zip(figure.axes, places, strict=True):
        x, y, width, height = (round(number, 4) for number in bounds)
        axes.set_position((x, y, width, height))
    return figure


def broken_name(name: str, width: int = 12) -> str:
    """A long name on several lines, broken at underscores, dots and blanks."""
    lines, line = [], ""
    for piece in name.replace("_", "_\0").replace(".", ".\0").replace(" ", " \0").split("\0"):
        if line and len(line) + len(piece.rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        line += piece
    pieces = [part for text in [*lines, line] for part in textwrap.wrap(text, 2 * width)]
    return "\n".join(pieces)


def log_ticks(low: float, high: float) -> list[float]:
    """Round figures from low to high for a logarithmic axis, at most about nine."""
    for fine in (_FINE, (1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        exponents = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
        found = [f * 10.0**e for e in exponents for f in fine if low <= f * 10.0**e <= high]
        if len(found) <= 9:
            break
    if len(found) >= 3:
        return found
    step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if (high - low) / s <= 9 or s == 0.5)
    first, last = int(np.ceil(low / step)), int(np.floor(high / step))
    return [round(n * step, 2) for n in range(first, last + 1)]


def kind_style(kind: str) -> tuple[str, str]:
    """Colour and hatch of a kind of operator."""
    return KIND_STYLE.get(kind, ("#888888", "--"))


def machine_hatch(number: int) -> str:
    """A hatch for each of several machines that stand side by side; the first has none."""
    return ("", "//", "\\\\", "xx", "..", "++")[number % 6]


def say_on_hover(artist: Artist, text: str) -> None:
    """Let an SVG, where it is shown by a browser, say a text when the artist is pointed at."""
    artist.set_gid(_HOVER + text)


def _with_hovers(svg: bytes) -> bytes:
    """Turn the names that `say_on_hover` gave into titles."""
    return re.sub(rb' id="' + _HOVER.encode() + rb'([^"]*)">', rb"><title>\1</title>", svg)


def _short_paths(svg: bytes) -> bytes:
    """Coordinates of paths to a hundredth of a point: a page holds many pictures."""

    def shorter(path: re.Match[bytes]) -> bytes:
        return re.sub(rb"(\.\d\d)\d+", rb"\1", path[0])

    return re.sub(rb' d="[^"]*"', shorter, svg)


@contextmanager
def _as_written(figure: Figure) -> Iterator[None]:
    """Draw names as they are: a dollar sign begins no formula, and a letter that the font lacks is
    a box without a warning.
    """
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        if "$" in text.get_text() and not _POWER.fullmatch(text.get_text()):
            text.set_parse_math(False)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")
        yield


def file_name(name: str) -> str:
    """What a file, or a mark of a page, may be called that belongs to a workload or a machine.

    Names that had to be changed end in a hash, so that they still differ.
    """
    plain = _NO_FILE_NAME.sub("_", name)
    if plain == name and len(name) <= LONGEST_FILE_NAME:
        return name
    own = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{plain[: LONGEST_FILE_NAME - 9]}-{own}"


def save(figure: Figure, folder: Path, name: str) -> tuple[Path, Path]:
    """Write NAME.png and NAME.svg without anything that changes from run to run.

    `name` : may hold that of a workload; see `file_name`.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    own = file_name(name)
    png, svg = folder / f"{own}.png", folder / f"{own}.svg"
    with matplotlib.rc_context(_RC), _as_written(figure):
        FigureCanvasAgg(figure)
        figure.savefig(png, dpi=PNG_DPI, metadata={"Software": None})
        text = io.BytesIO()
        FigureCanvasSVG(figure)
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    svg.write_bytes(_short_paths(_with_hovers(text.getvalue())))
    return png, svg
