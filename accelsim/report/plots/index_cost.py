"""Lines: MACs of index prediction and of the attention that it enables, over the context."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from accelsim.report.style import ROLE_COLOURS, new_figure, styled
from accelsim.workload.operators import Attention, Index
from accelsim.workload.recipes.recipe import load_recipe
from accelsim.workload.statistics import dense_macs, effectual_macs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RECIPE = "deepseek_v32_decode_128k_b32"
LENGTHS = tuple(1 << power for power in range(12, 19))


class IndexCost(NamedTuple):
    """MACs of one decoded token and layer, by context length.

    `dense` : exact attention over all keys; `crossing` : keys at which index and attention cost
    the same, interpolated.
    """

    recipe: str
    lengths: tuple[int, ...]
    prediction: tuple[int, ...]
    attention: tuple[int, ...]
    dense: tuple[int, ...]
    crossing: float


def prepare(recipe: str = RECIPE, lengths: Sequence[int] = LENGTHS) -> IndexCost:
    """Count the MACs of the recipe's first layer in a decode step at every length."""
    index, attention, dense = [], [], []
    for length in lengths:
        shape = (f"length={length - 1}", "steps=1", "batch=1", "simulated_layers=1")
        operators = load_recipe(recipe, shape).operators()
        attends = next(op for op in operators if isinstance(op, Attention))
        index.append(next(dense_macs(op) for op in operators if isinstance(op, Index)))
        attention.append(effectual_macs(attends))
        dense.append(dense_macs(attends))
    ratio = np.log(np.array(index) / np.array(attention))
    crossing = float(np.exp(np.interp(0.0, ratio, np.log(lengths))))
    return IndexCost(recipe, tuple(lengths), tuple(index), tuple(attention), tuple(dense), crossing)


@styled
def draw(data: IndexCost) -> Figure:
    """Both axes logarithmic, the crossing marked."""
    figure = new_figure(
        "What choosing the keys costs",
        "MACs of one decoded token in one layer of DeepSeek-V3.2: the indexer scores every key "
        "(64 heads of 128, fp8), attention reads the 2,048 best (128 heads on latent rows)",
        f"Counted from the operators of the recipe {data.recipe}. An fp8 MAC takes half a slot of "
        "a bf16 array on the shipped machines; MACs are shown, not time.",
    )
    axes = figure.add_subplot()
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    lines = (
        ("exact attention over all keys", data.dense, "baseline", "--"),
        ("attention over the chosen keys", data.attention, "candidate", "-"),
        ("index prediction", data.prediction, "third", "-"),
    )
    for label, values, role, dash in lines:
        axes.plot(data.lengths, values, dash, color=ROLE_COLOURS[role], label=label, linewidth=2.4)
    level = data.attention[-1]
    axes.plot([data.crossing], [level], "o", ms=13, fillstyle="none", color="black")
    axes.annotate(
        f"equal at {data.crossing:,.0f} keys", (data.crossing, level), (14, -28),
        textcoords="offset points", fontsize=13,
    )  # fmt: skip
    axes.set_xticks(data.lengths, [f"{length >> 10}k" for length in data.lengths])
    axes.minorticks_off()
    axes.set_xlabel("keys in the context")
    axes.set_ylabel("MACs per token and layer")
    axes.legend(loc="upper left")
    return figure
