"""Fit the SRAM model over the CACTI 7 points: writes cost_tables/sram/cacti7_{fit,residuals}.csv.

``python tools/fit_sram.py`` after a change of the points or of the terms; a test compares what it
would write with what is there. Non-negative least squares (SciPy) on relative errors, weighted
again and again by the inverse root of the error, which comes near to the least absolute error:
CACTI changes the organisation of a memory from size to size, and such steps are not to bend the
curve.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

from accelsim.cost.sram import (
    QUANTITIES,
    TERM_COLUMNS,
    Fit,
    cacti_points,
    evaluate,
    sram_folder,
    term_values,
)  # fmt: skip

ROUNDS = 30
SMALL = 0.03  # a relative error below which all weigh the same
LEFT_OUT = 3  # every third size
DIGITS = 7
KNEES_KIB = (8.0, 64.0)  # small memories grow with size itself, larger ones with its root

# The whole memory: size^(0, 1/2, 1); by banks, parts of size/banks or repeated in every bank; and
# what flattens from size to a lower power.
FORMS = np.array(
    [(a, b, 0.0, 0.0, 1.0) for a in (0, 0.5, 1) for b in (0, 1, 2)]
    + [(a, b, c, 0.0, 1.0) for a in (0, 0.5) for b in (0, 1, 2) for c in (-0.5, 0.5, 1)]
    + [(1.0, b, 0.0, f, knee) for knee in KNEES_KIB for b in (0, 1) for f in (0.5, 0.75)]
)


def solve(points: dict[str, np.ndarray], quantity: str) -> np.ndarray:
    """Terms that are not zero, of points with one read-write port: float64[terms, 6]."""
    values = points[quantity]
    terms = term_values(FORMS, points["size_bytes"], points["width_bytes"], points["banks"])
    relative = terms / values[:, None]
    scale = np.linalg.norm(relative, axis=0)
    weight = np.ones(len(values))
    for _ in range(ROUNDS):
        found, _ = nnls(relative / scale * weight[:, None], weight, maxiter=10_000)
        error = np.abs(relative @ (found / scale) - 1)
        weight = 1 / np.sqrt(np.maximum(error, SMALL))
    coefficients = np.array([float(f"{c:.{DIGITS}g}") for c in found / scale])
    kept = coefficients > 0
    return np.column_stack([coefficients[kept], FORMS[kept]])


def errors(terms: np.ndarray, points: dict[str, np.ndarray], quantity: str) -> np.ndarray:
    """|fit / CACTI - 1| of every point, one read-write port."""
    fit = Fit(terms, 1.0, 0, 0, 0, 0)
    fitted = evaluate(fit, points["size_bytes"], points["width_bytes"], points["banks"])
    return np.abs(fitted / points[quantity] - 1)


def subset(points: dict[str, np.ndarray], kept: np.ndarray) -> dict[str, np.ndarray]:
    """The points that a mask keeps."""
    return {name: column[kept] for name, column in points.items()}


def fitted(node: float, quantity: str) -> Fit:
    """The fit of a quantity at a node, with its residuals."""
    points = cacti_points()
    points = subset(points, points["tech_nm"] == node)
    one = subset(points, points["two_ports"] == 0)
    two = subset(points, points["two_ports"] == 1)
    terms = solve(one, quantity)
    place = {
        key: value
        for *key_, value in zip(one["size_bytes"], one["width_bytes"], one["banks"], one[quantity],
                                strict=True)
        for key in [tuple(key_)]
    }  # fmt: skip
    shapes = zip(two["size_bytes"], two["width_bytes"], two["banks"], strict=True)
    ratios = two[quantity] / np.array([place[shape] for shape in shapes])
    group = np.log2(one["size_bytes"]).astype(int) % LEFT_OUT
    held = np.concatenate(
        [
            errors(solve(subset(one, group != out), quantity), subset(one, group == out), quantity)
            for out in range(LEFT_OUT)
        ]
    )
    own = errors(terms, one, quantity)
    shown = [np.median(own), np.quantile(own, 0.9), np.median(held), np.quantile(held, 0.9)]
    two_ports = round(float(np.median(ratios)), 3)
    return Fit(terms, two_ports, *(round(float(error), 4) for error in shown))


def tables() -> Iterator[tuple[str, list[tuple[object, ...]]]]:
    """Names and rows of the two files."""
    nodes = sorted(set(cacti_points()["tech_nm"].astype(int)))
    found = {(node, name): fitted(node, name) for node in nodes for name in QUANTITIES}
    rows = [(*at, *term) for at, fit in found.items() for term in fit.terms.tolist()]
    yield "cacti7_fit.csv", [("tech_nm", "quantity", *TERM_COLUMNS), *rows]
    residuals = [(*at, *fit[1:]) for at, fit in found.items()]
    yield "cacti7_residuals.csv", [("tech_nm", "quantity", *Fit._fields[1:]), *residuals]


def main(folder: Path) -> None:
    """Write both files."""
    for name, rows in tables():
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    main(sram_folder())
