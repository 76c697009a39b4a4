"""``like: TRACE``: parameters that are fitted to a trace, once a process."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from pydantic import BaseModel

from accelsim.workload.fit import AttentionFit, fit_attention
from accelsim.workload.fit_routing import RoutingFit, fit_routing
from accelsim.workload.recipes.patterns import ArraySpec, PatternSpec
from accelsim.workload.trace import find_trace, read_trace


@cache
def attention_fit(like: str) -> AttentionFit:
    """The fit to the attention of a trace, by name or folder."""
    return fit_attention(read_trace(find_trace(like)))


@cache
def routing_fit(like: str) -> RoutingFit:
    """The fit to the routing of a trace, by name or folder."""
    return fit_routing(read_trace(find_trace(like)))


def attention_parameters(like: str) -> tuple[str, dict[str, Any]]:
    """Rule and parameters of patterns that overlap as those of a trace do.

    They hold for any length: k is absolute (a recipe may give its own), growth_ppm adds a share
    of the keys that are seen, the other shares are of k, and lives are in queries.

    Parameters
    ----------
    like : str
        A shipped trace, or the folder of one.

    Raises
    ------
    InputError
        No such trace, or none with attention patterns.
    """
    return AttentionFit.rule, dict(attention_fit(like).parameters)


def routing_parameters(like: str, sizes: dict[str, int]) -> tuple[str, dict[str, Any]]:
    """Array rule and parameters of a routing that is as uneven as that of a trace.

    Parameters
    ----------
    like : str
        A shipped trace, or the folder of one.
    sizes : dict[str, int]
        Tokens, experts and top_k to route; the parameters carry to any of them.

    Raises
    ------
    InputError
        No such trace, or none with routed experts.
    """
    del sizes
    return RoutingFit.rule, dict(routing_fit(like).parameters)


def fits_of(model: BaseModel) -> dict[str, AttentionFit | RoutingFit]:
    """Every fit that a model of a recipe names, by trace and what was fitted."""
    found: dict[str, AttentionFit | RoutingFit] = {}
    for spec in _specs(model):
        if spec.like and isinstance(spec, PatternSpec):
            found[f"attention like {spec.like}"] = attention_fit(spec.like)
        elif spec.like:
            found[f"routing like {spec.like}"] = routing_fit(spec.like)
    return found


def _specs(node: Any) -> Iterator[PatternSpec | ArraySpec]:
    if isinstance(node, PatternSpec | ArraySpec):
        yield node
    elif isinstance(node, BaseModel):
        for name in type(node).model_fields:
            yield from _specs(getattr(node, name))
    elif isinstance(node, list | tuple):
        for item in node:
            yield from _specs(item)
