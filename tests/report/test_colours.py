"""What one picture tells apart by colour differs in grey too, or in its hatch, dash or marker."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from accelsim.hardware.component import GROUPS
from accelsim.report.plots import (
    ablation,
    bandwidth,
    breakdown,
    density,
    expert_load,
    flip,
    key_reuse,
    pareto,
    spread,
    suite_equal,
    tornado,
    validation,
    what_if,
)
from accelsim.report.style import GROUP_COLOURS, KIND_STYLE, ROLE_COLOURS, ROLE_HATCHES
from accelsim.workload.operators import OPERATOR_KINDS


def lightness(colour: str) -> float:
    """CIE L*, 0 black to 100 white."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    y = float(np.dot(linear, (0.2126, 0.7152, 0.0722)))
    return 116 * y ** (1 / 3) - 16 if y > 0.008856 else 903.3 * y


def zipped(colours: Sequence[str], marks: Sequence[str]) -> list[tuple[str, str]]:
    return [(c, marks[at % len(marks)]) for at, c in enumerate(colours)]


# Colour and hatch, dash or marker of what one picture tells apart.
SERIES = {
    "roles": [(ROLE_COLOURS[role], ROLE_HATCHES[role]) for role in ROLE_COLOURS],
    "parts": list(breakdown.PART_STYLE.values()),
    "kinds": list(KIND_STYLE.values()),
    "groups of components": [(colour, "") for colour in GROUP_COLOURS.values()],
    "requesters": list(bandwidth.REQUESTERS),
    "buffers": list(bandwidth.BUFFERS),
    "gains": [what_if.GAIN, what_if.LOSS],
    "ablation": [ablation.WHOLE, ablation.WITHOUT],
    "flips": list(zip((flip.CANDIDATE, flip.RIVAL, flip.LEVEL), "osx", strict=True)),
    "spreads": list(spread.RIVAL_STYLE.values()),
    "reuse": list(key_reuse.LINE_STYLE),
    "density": [(ROLE_COLOURS[role], mark) for role, mark in density.ROLE_MARKER.items()],
    "experts": list(expert_load.SERIES_STYLE),
    "suite at equal area": [
        (ROLE_COLOURS[role], mark + fill)
        for role, mark in suite_equal.MARKERS.items()
        for fill in ("hollow", "filled")
    ],
    "pareto": zipped(pareto.COLOURS, pareto.MARKERS),
    "tornado": [(tornado.BETTER, ""), (tornado.WORSE, "//")],
    "validation": zipped(validation.COLOURS, validation.MARKS),
}


@pytest.mark.parametrize("name", SERIES)
def test_what_a_picture_tells_apart_differs_in_grey_or_in_its_mark(name: str) -> None:
    for (one, mark), (other, second) in itertools.combinations(SERIES[name], 2):
        assert mark != second or abs(lightness(one) - lightness(other)) > 6, (one, other)
    assert len(set(SERIES[name])) == len(SERIES[name])


def test_every_kind_of_operator_has_a_colour() -> None:
    assert set(KIND_STYLE) == set(OPERATOR_KINDS)


def test_every_group_of_components_has_a_colour() -> None:
    assert set(GROUP_COLOURS) == set(GROUPS)
