"""Expressions of a plan: arithmetic and comparisons over names, with figures that carry units."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import Any

from simpleeval import AttributeDoesNotExist, EvalWithCompoundTypes, InvalidExpression

from accelsim.config.record import Spec
from accelsim.errors import InputError, unknown_name
from accelsim.sweep.values import FIGURE, as_number

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "min": min,
    "max": max,
    "abs": abs,
    "round": round,
    "ceil": math.ceil,
    "floor": math.floor,
    "log2": math.log2,
    "sqrt": math.sqrt,
}
Names = Mapping[str, object]


class UndefinedError(InputError):
    """An expression has no value at a point: a division by zero, a logarithm of 0."""


class Expression:
    """One expression, parsed once.

    Figures with a unit count in bytes, bytes per second, hertz or ps, as the fields of an `Arch`
    do: ``scratchpad_bytes <= 32 MiB``. Names may have attributes (``array.macs``) and indices
    (``array.shapes[0].rows``).

    Parameters
    ----------
    text : str
    where : str
        File and field, for messages.

    Raises
    ------
    InputError
        Not an expression.
    """

    def __init__(self, text: str, where: str) -> None:
        self.text, self.where = text, where
        self._evaluator = EvalWithCompoundTypes(functions=FUNCTIONS)
        plain = FIGURE.sub(lambda match: str(as_number(match.group(0))), text)
        try:
            self._tree = ast.parse(plain.strip(), mode="eval").body
        except SyntaxError as error:
            raise self._fault(f"is not an expression: {error.msg}") from None

    @cached_property
    def names(self) -> frozenset[str]:
        """The names that it is over, functions apart."""
        found = {node.id for node in ast.walk(self._tree) if isinstance(node, ast.Name)}
        return frozenset(found - FUNCTIONS.keys())

    def check_names(self, known: Collection[str]) -> None:
        """Refuse a name that is not among the known ones."""
        for name in sorted(self.names):
            if name not in known:
                raise unknown_name("name", name, known, where=f"{self.where}, '{self.text}'")

    def check_fields(self, names: Names) -> None:
        """Refuse a field that one of some records does not have.

        Not where a condition may keep it from being read.
        """
        if any(isinstance(node, ast.BoolOp | ast.IfExp) for node in ast.walk(self._tree)):
            return
        self._evaluator.names = names
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Attribute):
                try:
                    self._evaluator.eval(self.text, previously_parsed=node)
                except AttributeDoesNotExist as error:
                    raise self._fault(str(error)) from None
                except (InvalidExpression, ArithmeticError, TypeError, ValueError, LookupError):
                    continue  # of a name that is known later, or an entry that a point may have

    def value(self, names: Names) -> Any:
        """Evaluate it.

        Raises
        ------
        InputError
            A name that is not there, or values that cannot be computed with; `UndefinedError`
            where it has no value for them.
        """
        self.check_names(names)
        self._evaluator.names = names
        try:
            value = self._evaluator.eval(self.text, previously_parsed=self._tree)
        except InvalidExpression as error:
            raise self._fault(str(error)) from None
        except (ArithmeticError, ValueError) as error:
            raise self._fault(f"cannot be computed: {error}", kind=UndefinedError) from None
        except (TypeError, LookupError) as error:
            raise self._fault(f"cannot be computed: {error}", self._of_records(names)) from None
        if not isinstance(value, bool | int | float | str):
            raise self._fault(f"is a {type(value).__name__}, expected a number")
        return value

    def _of_records(self, names: Names) -> str:
        """Advice where a whole record stands in place of a figure of it."""
        records = [name for name in sorted(self.names) if isinstance(names[name], Spec)]
        sizes = [f"{name}_bytes" for name in records if f"{name}_bytes" in names]
        return f"did you mean '{sizes[0]}'?" if sizes else ""

    def _fault(
        self, what: str, remedy: str = "", kind: type[InputError] = InputError
    ) -> InputError:
        return kind(what, where=f"{self.where}, '{self.text}'", remedy=remedy)
