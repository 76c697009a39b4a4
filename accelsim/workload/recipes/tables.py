"""Tables that are looked up by sparse inputs: recommendation, and second-order interactions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from accelsim.config.record import Spec
from accelsim.workload.operators import Gather, Operator
from accelsim.workload.recipes.backward import add_backward
from accelsim.workload.recipes.builder import ACTIVATION, ADD, Builder
from accelsim.workload.recipes.patterns import ArraySpec, make_array, seed_of
from accelsim.workload.recipes.run import Run

Count = Annotated[int, Field(gt=0)]


class Recommendation(Spec):
    """DLRM (1906.00091): dense features through an MLP, tables looked up and pooled, interactions.

    Attributes
    ----------
    dense_features : int
    bottom, top : tuple of int
        Widths of the layers of the MLPs; the bottom one ends at `width`.
    tables : tuple of int
        Rows of each table.
    width, lookups : int
        Elements of a row; rows of each table that a sample pools.
    rows : ArraySpec
        Which rows.
    dense_features : int
        Features that are no table's rows: the input of the bottom MLP.
    """

    kind: Literal["recommendation"]
    dense_features: Count
    bottom: tuple[Count, ...]
    top: tuple[Count, ...]
    tables: Annotated[tuple[Count, ...], Field(min_length=1)]
    width: Count
    lookups: Count = 1
    rows: ArraySpec


class Interactions(Spec):
    """Second-order model of a sparse input: a weight of its own for every pair of active features.

    Attributes
    ----------
    features, active : int
        Features in all, and active ones of a sample.
    rank : int
        Elements of a pair's row: 1 is a weight for each pair; above, a vector.
    pairs : ArraySpec
        Which pairs.
    """

    kind: Literal["interactions"]
    features: Count
    active: Count
    rank: Count = 1
    pairs: ArraySpec


def recommendation_operators(spec: Recommendation, run: Run) -> list[Operator]:
    """Expand a recommendation model for a batch of samples."""
    b = Builder(run.dtype)
    x = _mlp(b, "bottom", run.batch, spec.dense_features, spec.bottom, None)
    pooled = []
    for number, rows in enumerate(spec.tables):
        seed = seed_of(run.seed, "table", number)
        where = make_array(spec.rows, seed, n=run.batch * spec.lookups, table_rows=rows)
        found = b.add(
            Gather, f"table{number}", table_rows=rows, row_elements=spec.width, indices=where
        )
        if spec.lookups > 1:
            elements = run.batch * spec.lookups * spec.width
            found = b.vector(f"table{number}_pool", elements, ADD, found)
        pooled.append(found)
    # One product of (tables + 1)^2 dots a sample, here side by side: rows of all samples.
    vectors = len(spec.tables) + 1
    z = b.matmul(
        "interactions", run.batch * vectors, vectors, spec.width, x, *pooled, weights="dynamic"
    )
    width = spec.width + vectors * (vectors - 1) // 2
    _mlp(b, "top", run.batch, width, spec.top, z)
    if run.phase == "training":
        add_backward(b, 0, sparse_tables=True)
    return b.operators


def interaction_operators(spec: Interactions, run: Run) -> list[Operator]:
    """Expand the gather of pair weights and their sum for a batch of samples."""
    b, pairs = Builder(run.dtype), spec.active * (spec.active - 1) // 2
    total = spec.features * (spec.features - 1) // 2
    where = make_array(
        spec.pairs, seed_of(run.seed, "pairs"), samples=run.batch, active=spec.active,
        features=spec.features,
    )  # fmt: skip
    found = b.add(Gather, "pairs", table_rows=total, row_elements=spec.rank, indices=where)
    b.vector("sum", run.batch * pairs * spec.rank, 2 * ADD, found)
    if run.phase == "training":
        add_backward(b, 0, sparse_tables=True)
    return b.operators


def _mlp(
    b: Builder, name: str, rows: int, width: int, layers: tuple[int, ...], x: int | None
) -> int:
    for at, out in enumerate(layers):
        x = b.matmul(f"{name}{at}", rows, out, width, x)
        x = b.vector(f"{name}{at}_relu", rows * out, ACTIVATION["relu"], x)
        width = out
    assert x is not None
    return x
