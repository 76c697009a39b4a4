"""Families of things that are parameters only: what they share, and how one is found by name.

A member is a frozen dataclass whose fields are its parameters, declared beside their defaults.
Registering it is all it takes to use it in a trace.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from accelsim.errors import InputError, unknown_name


@dataclass(frozen=True, kw_only=True)
class Parametric:
    """What is generated from parameters alone.

    Attributes
    ----------
    kind : str
        What its family is called in a message.
    name : str
        Name in the registry.
    version : int
        Raised whenever the same parameters give something else; a trace records it.
    given : tuple of str
        Fields that are no parameters.
    """

    kind: ClassVar[str] = "rule"
    name: ClassVar[str] = ""
    version: ClassVar[int] = 1
    given: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Raise InputError if the parameters do not fit together."""
        seed = getattr(self, "seed", 0)
        self._require(0 <= seed < 1 << 63, "seed must be in [0, 2**63)")

    @classmethod
    def parameter_fields(cls) -> dict[str, dataclasses.Field]:
        """The parameters by name."""
        fields = (f for f in dataclasses.fields(cls) if f.init)
        return {f.name: f for f in fields if f.name not in cls.given}

    def parameters(self) -> dict[str, object]:
        """All parameters, defaults filled in."""
        return {name: getattr(self, name) for name in self.parameter_fields()}

    def _require(self, condition: bool, what: str) -> None:
        if not condition:
            raise InputError(f"{self.kind} {self.name}: {what}")


P = TypeVar("P", bound=Parametric)
C = TypeVar("C", bound=type[Parametric])


class Registry(Generic[P]):
    """The members of a family by name.

    Parameters
    ----------
    kind : str
        What a member is called in a message.
    modules : tuple of str
        Modules of this package that register the members.
    """

    def __init__(self, kind: str, modules: tuple[str, ...]) -> None:
        self.kind, self._modules = kind, modules
        self._members: dict[str, type[P]] = {}

    def register(self, name: str, *, version: int = 1) -> Callable[[C], C]:
        """Class decorator: make a member known; a second one of that name is an error."""

        def register(cls: C) -> C:
            if name in self._members:
                raise ValueError(f"{self.kind} '{name}' is registered twice")
            cls.kind, cls.name, cls.version = self.kind, name, version
            self._members[name] = cls  # type: ignore[assignment]
            return cls

        return register

    def names(self) -> list[str]:
        """Names of all members, sorted."""
        for module in self._modules:  # each registers its members
            importlib.import_module(f"accelsim.workload.{module}")
        return sorted(self._members)

    def find(self, name: str, *, where: str = "") -> type[P]:
        """Look up a member; an unknown name lists the known ones."""
        known = self.names()
        if name not in self._members:
            raise unknown_name(self.kind, name, known, where=where)
        return self._members[name]

    def find_version(self, name: str, version: object, where: str) -> type[P]:
        """Look up a member and refuse another version than the one known here."""
        cls = self.find(name, where=where)
        if version != cls.version:
            raise InputError(
                f"{self.kind} {name} has version {version} here, this program has {cls.version}",
                where=where, remedy="build the trace again, or use the program that wrote it",
            )  # fmt: skip
        return cls

    def make(self, name: str, params: dict[str, Any], **given: Any) -> P:
        """Build the member `name`, its parameters checked by name and type."""
        cls = self.find(name)
        known = cls.parameter_fields()
        for key, value in params.items():
            if key not in known:
                raise unknown_name(f"parameter of {self.kind} {name}", key, known)
            if str(known[key].type) != type(value).__name__:
                raise InputError(
                    f"{self.kind} {name}: parameter {key} must be of type {known[key].type}, "
                    f"not {type(value).__name__}"
                )
        for key, parameter in known.items():
            if parameter.default is dataclasses.MISSING and key not in params:
                raise InputError(f"{self.kind} {name}: parameter {key} is missing")
        return cls(**given, **params)
