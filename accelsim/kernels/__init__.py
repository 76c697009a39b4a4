"""Numba kernels: pure-array timing models.

Importing this package points Numba's cache at a folder that is keyed by every kernel source and
by the versions that compile them: Numba itself does not notice that a jitted helper in *another*
file changed, and would bring back the old result. So this runs before numba is imported.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

_KEY = re.compile(r"[0-9a-f]{20}")


def kernel_sources(package: Path) -> list[Path]:
    """List every file of the package at `package` that holds jitted functions."""
    return [*sorted((package / "kernels").rglob("*.py")), package / "engine" / "compiled.py"]


def compiler_sources() -> list[Path]:
    """List the files that state which numba and numpy are installed.

    Reading them takes a millisecond; `importlib.metadata` takes forty to import.
    """
    files = []
    for name, file in (("numba", "_version.py"), ("numpy", "version.py")):
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            files.append(Path(spec.origin).parent / file)
    return files


def cache_key(sources: Iterable[Path], python: str = sys.version) -> str:
    """Hash file names, file contents and the Python version to 20 hexadecimal digits."""
    digest = hashlib.sha256(python.encode())
    for source in sources:
        content = source.read_bytes() if source.exists() else b""
        digest.update(f"\0{source.name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:20]


def cache_folder(key: str, environ: dict[str, str]) -> Path:
    """Choose and create the cache folder of this key.

    The user's `NUMBA_CACHE_DIR` comes first, then `XDG_CACHE_HOME`, then ~/.cache. If that place
    cannot be written, a folder of this user below the temporary directory.
    """
    given = environ.get("NUMBA_CACHE_DIR")
    if given:
        base = Path(given)
        if _KEY.fullmatch(base.name):  # inherited from a parent process that chose it here
            base = base.parent
    else:
        base = Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "accelsim" / "numba"
    if _make(base / key):
        return base / key
    import tempfile  # costs as much as all the rest, and is hardly ever needed

    shared = Path(tempfile.gettempdir()) / f"accelsim-numba-{os.getuid()}"
    if _make(shared / key) and shared.stat().st_uid == os.getuid():
        return shared / key
    return Path(tempfile.mkdtemp(prefix="accelsim-numba-"))


def _make(folder: Path) -> bool:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.mkdir(exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)


def _point_numba_at_its_cache() -> None:
    key = cache_key([*kernel_sources(Path(__file__).parent.parent), *compiler_sources()])
    folder = str(cache_folder(key, dict(os.environ)))
    os.environ["NUMBA_CACHE_DIR"] = folder
    if "numba" in sys.modules:  # somebody imported it first: it has read its settings already
        sys.modules["numba"].config.CACHE_DIR = folder


_point_numba_at_its_cache()
