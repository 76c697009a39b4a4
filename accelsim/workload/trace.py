"""A trace: what a model did, as a folder that can be read without the model.

``NAME.trace/`` holds ``manifest.json`` (everything but the arrays, with a hash of each) and one
``.npy`` file per array, which is mapped into memory when it is read.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from accelsim import __version__
from accelsim.errors import InputError, unknown_name
from accelsim.workload.checks import check_contents, check_operators
from accelsim.workload.manifest import ArrayStore, Decoder, Json, array_entry, encode_operator
from accelsim.workload.operators import Operator
from accelsim.workload.replay import replayed

SCHEMA_VERSION = 1
SUFFIX = ".trace"
MANIFEST = "manifest.json"


@dataclass(frozen=True, eq=False, kw_only=True)
class Trace:
    """The operators of a run of a model, in the order of execution, and where they come from.

    Attributes
    ----------
    name : str
        Name of the workload.
    operators : tuple[Operator, ...]
    schema_version : int
        Of the folder format.
    producer : str
        Program and version that made the trace.
    model : str
        Model class and configuration, or what is imitated.
    seed : int or None
    phase : str
        "prefill", "decode" or "training".
    batch, seq_len : int
        Sequences and tokens of each.
    selection_rule : str
        How the kept positions were chosen, in words.
    quality : dict or None
        Loss under exact attention and under the replayed selection, where known.
    synthetic : bool
        True if the patterns were generated and not taken from a model.
    licence, note : str
    path : Path or None
        Folder that the trace was read from.
    replayed_in : str or None
        Type that the operators were given for a replay (`replayed`); None is as traced.
    """

    name: str
    operators: tuple[Operator, ...]
    schema_version: int = SCHEMA_VERSION
    producer: str = "accelsim"
    model: str = ""
    seed: int | None = None
    phase: str = "prefill"
    batch: int = 1
    seq_len: int = 1
    selection_rule: str = ""
    quality: dict[str, Any] | None = None
    synthetic: bool = False
    licence: str = ""
    note: str = ""
    path: Path | None = field(default=None, compare=False)
    replayed_in: str | None = None

    @property
    def metadata(self) -> dict[str, Any]:
        """What `write_trace` takes beside the name and the operators."""
        given = [key for key in _METADATA if key not in ("name", "schema_version")]
        return {key: getattr(self, key) for key in given}

    def replayed(self, dtype: str) -> Trace:
        """The same run in another number type; see `accelsim.workload.replay`.

        Raises
        ------
        InputError
            No such type.
        """
        operators = replayed(self.operators, dtype)
        return dataclasses.replace(self, operators=operators, replayed_in=dtype)

    @cached_property
    def content_hash(self) -> str:
        """sha256 over the operators and their arrays: equal for equal work, whatever the name."""
        store = ArrayStore()
        entries = [encode_operator(i, op, store) for i, op in enumerate(self.operators)]
        return _content_hash(entries, store.entries)


_NOT_STORED = ("operators", "path", "replayed_in")
_METADATA = [f.name for f in dataclasses.fields(Trace) if f.name not in _NOT_STORED]
_PHASES = ("prefill", "decode", "training")


def write_trace(
    path: str | Path, name: str, operators: Iterable[Operator], **metadata: Any
) -> Trace:
    """Write a trace folder, all of it or nothing, and give the trace back as read.

    Parameters
    ----------
    path : str or Path
        The folder, ending in ``.trace``; it may replace an existing trace, nothing else.
    name : str
    operators : iterable of Operator
    **metadata
        Other attributes of `Trace`.

    Raises
    ------
    InputError
        If a field is unknown, an operator is not consistent, or the path is taken.
    """
    path = Path(path)
    operators = tuple(operators)
    for key in metadata:
        if key not in _METADATA:
            raise unknown_name("field of a trace", key, _METADATA)
    metadata.setdefault("producer", f"accelsim {__version__}")
    trace = Trace(name=name, operators=operators, **metadata)
    check_operators(operators, str(path))
    check_contents(operators, str(path))
    store = ArrayStore()
    entries = [encode_operator(i, op, store) for i, op in enumerate(operators)]
    manifest = {key: getattr(trace, key) for key in _METADATA}
    manifest |= {"arrays": store.entries, "operators": entries}
    _check_metadata(manifest, str(path))
    _replace_folder(path, manifest, store.arrays)
    return read_trace(path)


def read_trace(path: str | Path) -> Trace:
    """Read a trace folder; arrays are mapped, not read, and their contents are not checked.

    Raises
    ------
    InputError
        If anything but the contents of arrays is wrong (see `validate_trace` for these).
    """
    path = Path(path)
    manifest = _load_manifest(path)
    where = str(path / MANIFEST)
    decoder = Decoder(lambda name, place: _map_array(path, manifest["arrays"], name, place))
    operators = tuple(
        decoder.operator(entry, f"{where}, operators[{index}]")
        for index, entry in enumerate(manifest["operators"])
    )
    check_operators(operators, str(path))
    trace = Trace(operators=operators, path=path, **{key: manifest[key] for key in _METADATA})
    trace.__dict__["content_hash"] = _content_hash(manifest["operators"], manifest["arrays"])
    return trace


def validate_trace(path: str | Path) -> Trace:
    """Read a trace and check everything: hashes, and every index of every array."""
    trace = read_trace(path)
    folder = Path(path)
    manifest = _load_manifest(folder)
    for name, entry in sorted(manifest["arrays"].items()):
        place = str(folder / f"{name}.npy")
        found = array_entry(_map_array(folder, manifest["arrays"], name, place))
        if found["sha256"] != entry["sha256"]:
            raise InputError(
                f"contents have sha256 {found['sha256'][:12]}..., "
                f"the manifest says {str(entry['sha256'])[:12]}...",
                where=place,
                remedy="the file was changed or damaged; write the trace again",
            )
    check_contents(trace.operators, str(folder))
    return trace


def shipped_workloads() -> dict[str, Path]:
    """Find the traces that come with the program, by name."""
    package = Path(__file__).resolve().parent.parent
    found: dict[str, Path] = {}
    for folder in (package / "workloads", package.parent / "workloads"):
        for manifest in sorted(folder.glob(f"*{SUFFIX}/{MANIFEST}")):
            found[manifest.parent.name.removesuffix(SUFFIX)] = manifest.parent
    return found


def find_trace(name_or_path: str | Path) -> Path:
    """Give the folder of a trace: a path, or the name of a shipped workload."""
    path = Path(name_or_path)
    if (path / MANIFEST).is_file():
        return path
    shipped = shipped_workloads()
    name = str(name_or_path).removesuffix(SUFFIX)
    if name in shipped:
        return shipped[name]
    if path.exists() or len(path.parts) > 1:
        raise InputError(
            "no trace is here" if path.exists() else "no such file or folder",
            where=str(path),
            remedy=f"give a folder with a {MANIFEST}, or one of: {', '.join(sorted(shipped))}",
        )
    raise unknown_name("workload", name, shipped)


def _content_hash(entries: list[Json], arrays: Json) -> str:
    text = json.dumps({"operators": entries, "arrays": arrays}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _load_manifest(path: Path) -> Json:
    where = str(path / MANIFEST)
    try:
        text = (path / MANIFEST).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"cannot read the manifest: {error}",
            where=str(path),
            remedy=f"a trace is a folder NAME{SUFFIX} with a {MANIFEST}",
        ) from None
    try:
        manifest = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"broken JSON: {error.msg}", where=f"{where}, line {error.lineno}, column {error.colno}"
        ) from None
    if not isinstance(manifest, dict):
        raise InputError("must be a mapping", where=where)
    version = manifest.get("schema_version")
    if not isinstance(version, int):
        raise InputError(f"schema_version must be an integer, not {version!r}", where=where)
    if version > SCHEMA_VERSION:
        raise InputError(
            f"schema_version {version} is newer than {SCHEMA_VERSION}, the newest known here",
            where=where, remedy="update accelsim",
        )  # fmt: skip
    _check_metadata(manifest, where)
    return manifest


def _check_metadata(manifest: Json, where: str) -> None:
    expected: dict[str, Any] = {
        "schema_version": int, "name": str, "producer": str, "model": str, "phase": str,
        "seed": int | None, "batch": int, "seq_len": int, "selection_rule": str,
        "quality": dict | None, "synthetic": bool, "licence": str, "note": str,
        "arrays": dict, "operators": list,
    }  # fmt: skip
    for key in manifest:
        if key not in expected:
            raise unknown_name("field of a manifest", key, expected, where=where)
    for key, kind in expected.items():
        if key not in manifest:
            raise InputError(f"field {key} is missing", where=where)
        value = manifest[key]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            name = getattr(kind, "__name__", str(kind))
            raise InputError(f"{key} must be of type {name}, not {value!r}", where=where)
    if manifest["phase"] not in _PHASES:
        raise unknown_name("phase", manifest["phase"], _PHASES, where=where)
    for key in ("batch", "seq_len"):
        if manifest[key] <= 0:
            raise InputError(f"{key} must be positive, not {manifest[key]}", where=where)


def _map_array(path: Path, entries: Json, name: str, where: str) -> np.ndarray:
    """Map one array copy-on-write, after comparing its header and size with the manifest."""
    entry, file = entries.get(name), path / f"{name}.npy"
    if entry is None:
        raise unknown_name("array", name, entries, where=where)
    remedy = "copy the whole trace again"
    try:
        with file.open("rb") as stream:
            version = np.lib.format.read_magic(stream)
            if version != (1, 0):
                raise ValueError(f"npy version {version} is not (1, 0)")
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
            offset = stream.tell()
    except FileNotFoundError:
        raise InputError("file is missing", where=str(file), remedy=remedy) from None
    except (OSError, ValueError) as error:
        raise InputError(f"not a .npy file: {error}", where=str(file), remedy=remedy) from None
    stated = entry if isinstance(entry, dict) else {}
    if dtype.name != stated.get("dtype") or list(shape) != stated.get("shape") or fortran:
        raise InputError(
            f"is {dtype.name} of shape {list(shape)}, "
            f"the manifest says {stated.get('dtype')} of shape {stated.get('shape')}",
            where=str(file), remedy=remedy,
        )  # fmt: skip
    expected = offset + dtype.itemsize * int(np.prod(shape, dtype=np.int64))
    if file.stat().st_size != expected:
        raise InputError(
            f"has {file.stat().st_size} bytes instead of {expected}: truncated or damaged",
            where=str(file), remedy=remedy,
        )  # fmt: skip
    if 0 in shape:
        return np.empty(shape, dtype)
    return np.memmap(file, dtype=dtype, mode="c", offset=offset, shape=shape)


def check_target(path: Path) -> None:
    """Raise InputError unless a trace may be called `path`: it ends in .trace and is not taken."""
    if path.suffix != SUFFIX:
        raise InputError(f"a trace folder must be called NAME{SUFFIX}", where=str(path))
    if path.exists() and not (path / MANIFEST).is_file():
        raise InputError("exists and is not a trace", where=str(path), remedy="choose another name")


def _replace_folder(path: Path, manifest: Json, arrays: dict[str, np.ndarray]) -> None:
    """Write beside the target and rename; an older trace is removed last."""
    check_target(path)
    fresh = path.with_name(f".{path.name}.new-{os.getpid()}")
    stale = path.with_name(f".{path.name}.old-{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.mkdir()
        for name, array in arrays.items():
            with (fresh / f"{name}.npy").open("wb") as stream:
                np.lib.format.write_array(stream, array, version=(1, 0), allow_pickle=False)
        text = json.dumps(manifest, sort_keys=True, indent=1, ensure_ascii=False)
        (fresh / MANIFEST).write_text(text + "\n", encoding="utf-8")
        if path.exists():
            path.rename(stale)
        fresh.rename(path)
    except OSError as error:
        raise InputError(
            f"the trace cannot be written: {error.strerror or error}",
            where=str(path),
            remedy="choose a place with enough space where you may write",
        ) from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(stale, ignore_errors=True)
