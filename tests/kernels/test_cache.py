"""Numba's cache folder is keyed by what is compiled, and survives a folder that cannot be used."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from accelsim.kernels import cache_folder, cache_key, compiler_sources, kernel_sources

PACKAGE = Path(__file__).parents[2] / "accelsim"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package."""
    return Path(shutil.copytree(PACKAGE, tmp_path / "accelsim"))


def test_every_file_with_a_kernel_is_a_source() -> None:
    sources = set(kernel_sources(PACKAGE))
    text = {path: path.read_text() for path in PACKAGE.rglob("*.py")}
    jitted = {path for path in text if "njit" in text[path] or "kernels.jit" in text[path]}
    assert jitted <= sources
    assert {p.name for p in compiler_sources()} == {"_version.py", "version.py"}


@pytest.mark.parametrize("changed", ["kernels/heap.py", "kernels/fields.py", "engine/compiled.py"])
def test_a_changed_source_gives_another_folder(copy: Path, changed: str) -> None:
    key = cache_key(kernel_sources(copy))
    assert key == cache_key(kernel_sources(copy))
    with (copy / changed).open("a") as file:
        file.write("# changed\n")
    assert cache_key(kernel_sources(copy)) != key


def test_a_new_or_renamed_source_gives_another_folder(copy: Path) -> None:
    keys = {cache_key(kernel_sources(copy))}
    new = copy / "kernels" / "deeper" / "new.py"
    new.parent.mkdir()
    new.write_text("")
    keys.add(cache_key(kernel_sources(copy)))
    new.rename(new.with_name("newer.py"))
    keys.add(cache_key(kernel_sources(copy)))
    assert len(keys) == 3


def test_versions_are_part_of_the_key() -> None:
    sources = kernel_sources(PACKAGE)
    assert cache_key(sources, "3.11") != cache_key(sources, "3.12")
    assert cache_key([*sources, *compiler_sources()]) != cache_key(sources)


def test_the_users_folder_comes_first(tmp_path: Path) -> None:
    key, other = "0" * 20, "1" * 20
    given = {"NUMBA_CACHE_DIR": str(tmp_path / "mine"), "XDG_CACHE_HOME": str(tmp_path / "xdg")}
    assert cache_folder(key, given) == tmp_path / "mine" / key
    # A child process inherits the folder that its parent chose, of this key or an older one.
    for inherited in (key, other):
        given["NUMBA_CACHE_DIR"] = str(tmp_path / "mine" / inherited)
        assert cache_folder(key, given) == tmp_path / "mine" / key
    del given["NUMBA_CACHE_DIR"]
    assert cache_folder(key, given) == tmp_path / "xdg" / "accelsim" / "numba" / key
    assert cache_folder(key, given).is_dir()


def test_a_folder_that_cannot_be_made_falls_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    blocked = tmp_path / "file"
    blocked.write_text("")
    folder = cache_folder("0" * 20, {"NUMBA_CACHE_DIR": str(blocked)})
    assert folder.is_dir() and folder.is_relative_to(tmp_path / f"accelsim-numba-{os.getuid()}")


@pytest.mark.parametrize("first", ["accelsim.kernels", "numba"])
def test_numba_uses_the_folder_whoever_is_imported_first(tmp_path: Path, first: str) -> None:
    code = f"import {first}, accelsim.kernels, numba; print(numba.config.CACHE_DIR)"
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )
    folder = Path(done.stdout.strip())
    assert folder.parent == tmp_path
    assert folder.name == cache_key([*kernel_sources(PACKAGE), *compiler_sources()])


def test_importing_the_package_does_not_import_numba() -> None:
    code = "import accelsim.kernels, sys; print('numba' in sys.modules)"
    env = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
