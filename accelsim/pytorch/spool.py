"""Arrays of a capture, on disk as soon as they exist, so that memory does not grow with layers."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from accelsim.errors import InputError
from accelsim.workload.patterns import Pattern
from accelsim.workload.trace import check_target

_SMALL_BYTES = 1 << 16


class Spool:
    """A hidden folder beside the trace to be, removed by `close`.

    Raises
    ------
    InputError
        If the trace cannot be written there: wrong name, no permission, no space.
    """

    def __init__(self, out: Path) -> None:
        check_target(out)
        self._where = str(out)
        with self._writing():
            out.parent.mkdir(parents=True, exist_ok=True)
            prefix = f".{out.name}.capture-{os.getpid()}-"
            self.folder = Path(tempfile.mkdtemp(prefix=prefix, dir=out.parent))
        self._count = 0

    def empty(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """Map a new array of zeros; its pages are files, not memory."""
        with self._writing():
            self._count += 1
            path = self.folder / f"{self._count:06d}.npy"
            array = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
            # a full disk must be an error here, not a bus error at the first page written
            if hasattr(os, "posix_fallocate"):
                with path.open("r+b") as stream:
                    os.posix_fallocate(stream.fileno(), 0, path.stat().st_size)
            return array

    def keep(self, array: np.ndarray) -> np.ndarray:
        """Move an array to disk and give it back mapped; small ones stay as they are."""
        if array.nbytes < _SMALL_BYTES or isinstance(array, np.memmap):
            return array
        mapped = self.empty(array.shape, array.dtype)
        mapped[...] = array
        return mapped

    def keep_pattern(self, pattern: Pattern) -> Pattern:
        """Move the arrays of a pattern to disk."""
        arrays = {
            field.name: self.keep(getattr(pattern, field.name))
            for field in fields(pattern)  # type: ignore[arg-type]
            if field.init and isinstance(getattr(pattern, field.name), np.ndarray)
        }
        return replace(pattern, **arrays) if arrays else pattern  # type: ignore[type-var]

    def discard(self, array: np.ndarray) -> None:
        """Free the file of an array that `empty` gave."""
        name = getattr(array, "filename", None)
        if name:
            Path(name).unlink(missing_ok=True)

    def close(self) -> None:
        """Remove the folder and everything in it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InputError(
                f"the trace cannot be written: {error.strerror or error}",
                where=self._where,
                remedy="choose a place with enough space where you may write",
            ) from None
