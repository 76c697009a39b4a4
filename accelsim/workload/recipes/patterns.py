"""Patterns and lists of indices of a recipe: a rule and its parameters, or a fit to a trace."""

from __future__ import annotations

import zlib
from typing import Any

from pydantic import ConfigDict, model_validator

from accelsim.config.record import FieldError, Spec
from accelsim.workload.array_rules import ArrayRule, find_array_rule, make_array_rule
from accelsim.workload.patterns import RulePattern
from accelsim.workload.rules import find_rule


class _RuleSpec(Spec):
    """A rule by name, its parameters beside it; what the recipe knows is filled in.

    ``like: TRACE`` instead of ``rule``: parameters that are fitted to a trace.

    Attributes
    ----------
    rule : str
        Name of the rule; its parameters stand beside it.
    like : str
        A trace that the parameters are fitted to, instead of a rule.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    rule: str = ""
    like: str = ""

    @model_validator(mode="after")
    def _one_of_both(self) -> _RuleSpec:
        if bool(self.rule) == bool(self.like):
            raise FieldError("rule", "or like is needed, one of both")
        return self

    def parameters(self) -> dict[str, Any]:
        """The parameters that were given."""
        return dict(self.model_extra or {})


class PatternSpec(_RuleSpec):
    """Kept positions, see `workload.rules`."""


class ArraySpec(_RuleSpec):
    """Indices or expert ids, see `workload.array_rules`."""


def seed_of(seed: int, *names: object) -> int:
    """A seed of its own for each name, the same in every run."""
    return (seed << 32 | zlib.crc32(repr(names).encode())) & (1 << 62) - 1


def make_pattern(spec: PatternSpec, rows: int, cols: int, seed: int, **sizes: int) -> RulePattern:
    """Build a pattern of rows x cols.

    Parameters
    ----------
    spec : PatternSpec
    rows, cols : int
    seed : int
        For rules that draw.
    **sizes
        What the rule may ask for beside its own parameters (q_len, kv_len, tokens).

    Raises
    ------
    InputError
        An unknown rule or parameter, or one that does not fit the shape.
    """
    rule, given = spec.rule, spec.parameters()
    if spec.like:
        from accelsim.workload.recipes.fitted import attention_parameters

        rule, fitted = attention_parameters(spec.like)
        given = {**fitted, **given}
    known = find_rule(rule).parameter_fields()
    filled = {name: value for name, value in {**sizes, "seed": seed}.items() if name in known}
    return RulePattern(rule, rows, cols, {**filled, **given})


def make_array(spec: ArraySpec, seed: int, *, texts: bool = False, **sizes: int) -> ArrayRule:
    """Build a list of indices or expert ids; see `make_pattern`.

    `texts` : its rows are of different texts (a decode step), so none repeats the one before.
    """
    rule, given = spec.rule, spec.parameters()
    if spec.like:
        from accelsim.workload.recipes.fitted import routing_parameters

        rule, fitted = routing_parameters(spec.like, sizes)
        given = {**fitted, **given}
    if texts:
        given.pop("repeat_permille", None)
    known = find_array_rule(rule).parameter_fields()
    filled = {name: value for name, value in {**sizes, "seed": seed}.items() if name in known}
    return make_array_rule(rule, {**filled, **given})
