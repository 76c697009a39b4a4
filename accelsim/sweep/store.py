"""The folder of a sweep: a file for every finished point, each written whole or not at all."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from accelsim.errors import InputError

POINTS = "points"
PLANS = "plans"
FAULT = "fault"  # in a file: the error was none of the point's own, so that it is tried again
STALE_SECONDS = 3600
_REMEDY = "what is finished stays; make room, or name a folder that you may write to, and run again"


class Store:
    """Results by hash below `folder`; several sweeps may use it at once.

    Parameters
    ----------
    folder : str or Path

    Raises
    ------
    InputError
        The folder holds something else.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).resolve()
        if self.folder.exists() and not self.folder.is_dir():
            raise InputError("is a file", where=str(folder), remedy="name a folder for the sweep")
        if self.folder.is_dir() and not (self.folder / POINTS).is_dir():
            if any(self.folder.iterdir()):
                raise InputError(
                    "exists and is not the folder of a sweep", where=str(folder),
                    remedy="name a new or an empty folder",
                )  # fmt: skip

    def prepare(self) -> None:
        """Make the folder; remove partial files that a killed run left long ago."""
        with writing(self.folder):
            for name in (POINTS, PLANS):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            for partial in self.folder.rglob(".*.partial"):
                with suppress(FileNotFoundError):
                    if time.time() - partial.stat().st_mtime > STALE_SECONDS:
                        partial.unlink()

    def path(self, key: str) -> Path:
        """File of a point."""
        return self.folder / POINTS / f"{key}.json"

    def read(self, key: str) -> dict[str, Any] | None:
        """What was recorded of a point; None if there is nothing, or no whole file."""
        return read_json(self.path(key))

    def finished(self, key: str) -> bool:
        """Whether a point need not run: it has figures, or an error of its own."""
        found = self.read(key)
        return found is not None and not found.get(FAULT, False)

    def write(self, key: str, content: dict[str, Any]) -> None:
        """Record a point."""
        text = json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n"
        with replacing(self.path(key)) as stream:
            stream.write(text)


def read_json(path: Path) -> dict[str, Any] | None:
    """A file of one mapping; None if there is none, or it is not whole."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


@contextmanager
def replacing(path: Path) -> Iterator[IO[str]]:
    """A text file that takes the place of `path` when the block ends, and vanishes if it fails.

    Raises
    ------
    InputError
        The place cannot be written, or the disk is full.
    """
    partial = path.with_name(f".{path.name}.{os.uname().nodename}-{os.getpid()}.partial")
    with writing(path):
        try:
            with partial.open("w", encoding="utf-8", newline="") as stream:
                yield stream
            partial.replace(path)
        finally:
            with suppress(OSError):
                partial.unlink()


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Say in one line what the system refused."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"cannot be written: {error.strerror or error}", where=str(place), remedy=_REMEDY
        ) from None
