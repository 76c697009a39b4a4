"""The base of every record of a YAML file, and the error of a rule over several fields."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Spec(BaseModel):
    """Base of every record of a file: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FieldError(ValueError):
    """A rule over several fields is broken; `path` is the field to change first."""

    def __init__(self, path: str, what: str) -> None:
        self.path = path
        super().__init__(what)
