"""The folder of a report: written whole, and it replaces an older report or nothing."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from accelsim.errors import InputError

MARK = "provenance.json"


def check_target(out: str | Path) -> Path:
    """The absolute path of a report's folder: asked before the hours that a report may take.

    Raises
    ------
    InputError
        Something lies there that is no report, or the place cannot be written.
    """
    target = Path(out).resolve()
    try:
        if target.is_dir() and any(target.iterdir()) and not (target / MARK).is_file():
            raise InputError(
                "exists and is not a report", where=str(out), remedy="name a new or an empty folder"
            )
        if target.exists() and not target.is_dir():
            raise InputError("is a file", where=str(out), remedy="name a folder for the report")
        place = next(parent for parent in target.parents if parent.exists())
        if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
            reason = errno.EACCES if place.is_dir() else errno.ENOTDIR
            raise OSError(reason, os.strerror(reason))
    except OSError as error:
        raise _not_written(out, error) from None
    return target


def _not_written(out: str | Path, error: OSError) -> InputError:
    return InputError(
        f"the report cannot be written: {error.strerror}", where=str(out),
        remedy="name a folder that you may write to",
    )  # fmt: skip


@contextmanager
def fresh_folder(out: str | Path) -> Iterator[Path]:
    """A new folder that takes the place of `out` when the block ends, and is removed if it fails.

    Raises
    ------
    InputError
        The place cannot be written, or something lies there that is no report.
    """
    target = check_target(out)
    fresh = target.with_name(f".{target.name}.new-{os.getpid()}")
    try:
        fresh.mkdir(parents=True)
        yield fresh
        _replace(target, fresh)
    except OSError as error:
        raise _not_written(out, error) from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _replace(target: Path, fresh: Path) -> None:
    """Put the new folder in the place of an older report, which is removed last."""
    stale = target.with_name(f".{target.name}.old-{os.getpid()}")
    if target.exists():
        target.rename(stale)
    try:
        fresh.rename(target)
    except OSError:
        if stale.exists():
            stale.rename(target)
        raise
    shutil.rmtree(stale, ignore_errors=True)
