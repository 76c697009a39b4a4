"""Rules that generate patterns and lists of indices, with their parameters."""

from __future__ import annotations

import dataclasses
from typing import Any

from accelsim.workload.array_rules import array_rule_names, find_array_rule
from accelsim.workload.rules import find_rule, rule_names
from tools.docs.docstrings import attributes, summary
from tools.docs.markdown import code, prose, sentence


def pattern_rules() -> str:
    """Rules of kept positions."""
    return "\n\n".join(_rule(name, find_rule(name)) for name in rule_names())


def array_rules() -> str:
    """Rules of expert ids and of rows."""
    return "\n\n".join(_rule(name, find_array_rule(name)) for name in array_rule_names())


def _rule(name: str, cls: type[Any]) -> str:
    said = attributes(cls)
    lines = []
    for parameter, field in cls.parameter_fields().items():
        given = (
            "required"
            if field.default is dataclasses.MISSING
            else f"default {code(str(field.default))}"
        )
        means = f": {prose(said[parameter]).rstrip('.')}" if parameter in said else ""
        lines.append(f"- {code(parameter)}, {field.type}, {given}{means}")
    return "\n\n".join([f"### {name}", sentence(prose(summary(cls))), "\n".join(lines)]).strip()
