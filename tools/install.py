"""Set up the project's virtual environment; say plainly what is missing when that fails.

Standard library only, because it runs before anything is installed: ``make`` calls it when
pyproject.toml is newer than the stamp file.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# Runs inside the environment: prints the requirements that it does not satisfy, one a line.
MISSING = """
import importlib.metadata as metadata, sys
from pip._vendor.packaging.requirements import Requirement
for text in sys.argv[1:]:
    need = Requirement(text)
    try:
        have = metadata.version(need.name)
    except metadata.PackageNotFoundError:
        print(need)
        continue
    if not need.specifier.contains(have, prereleases=True):
        print(f"{need} (found {have})")
"""


def requirements(extras: list[str]) -> list[str]:
    """Return what pyproject.toml asks for: dependencies, then those of the extras."""
    import tomllib  # here, so that an older Python reaches the message about its version

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = list(project["dependencies"])
    for extra in extras:
        wanted += project["optional-dependencies"][extra]
    return wanted


def missing(python: Path, wanted: list[str]) -> list[str]:
    """Return the requirements that the environment does not satisfy."""
    answer = subprocess.run(
        [python, "-c", MISSING, "accelsim", *wanted], capture_output=True, text=True, check=False
    )
    return answer.stdout.split("\n")[:-1] if answer.returncode == 0 else ["pip", *wanted]


def no_network(log: str) -> bool:
    """Tell whether pip's log speaks of a connection that could not be made."""
    signs = (
        "NewConnectionError",
        "Connection refused",
        "Temporary failure in name resolution",
        "ConnectTimeoutError",
        "Network is unreachable",
        "ProxyError",
        "Failed to establish",
        "Max retries exceeded",
        "connection broken",
        "ReadTimeoutError",
    )
    return any(sign in log for sign in signs)


def stop(message: str) -> None:
    """Print one message and leave with exit code 1."""
    print(f"accelsim: {message}", file=sys.stderr)
    sys.exit(1)


def create(folder: Path) -> Path:
    """Create the environment unless it stands; return its Python."""
    python = folder / "bin" / "python"
    if not python.exists():
        print(f"creating {folder}", flush=True)
        try:
            venv.create(folder, with_pip=True)
        except (OSError, subprocess.CalledProcessError) as error:
            stop(f"could not create {folder}: {error}. On Debian: apt-get install python3-venv")
    return python


def _purpose(extras: list[str]) -> str:
    """What the extras are for, as messages say it."""
    if "test" in extras:
        return " for the tests (PyTorch included)"
    return f" with {', '.join(extras)}" if extras else ""


def install(python: Path, folder: Path, extras: list[str], again: str) -> None:
    """Install the project in editable form; pip's own words go to a log."""
    log = folder / "pip.log"
    target = f"{ROOT}[{','.join(extras)}]" if extras else str(ROOT)
    print(
        f"installing accelsim{_purpose(extras)}: the first time takes a few minutes; log in {log}",
        flush=True,
    )
    command = [
        str(python),
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
        "--retries",
        "2",
        "--timeout",
        "20",
        "-e",
        target,
    ]
    with log.open("w") as out:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, check=False
        )
    if done.returncode == 0:
        return
    gone = missing(python, requirements(extras))
    text = log.read_text(errors="replace")
    if not gone:
        print(
            f"pip failed, but all that is needed stands already; going on with it (see {log})",
            flush=True,
        )
        return
    names = ", ".join(gone[1:] or gone)  # the first is accelsim itself
    if no_network(text):
        stop(
            f"could not install; missing: {names}. There is no connection to the package index. "
            "Connect, or point pip at a mirror with PIP_INDEX_URL, and run "
            f"'make {again}' again. Log: {log}"
        )
    stop(
        f"could not install; missing: {names}. pip says why in {log}; its last lines:\n"
        + "\n".join(line for line in text.splitlines() if line.startswith("ERROR"))[-800:]
    )


def main() -> None:
    """Parse, install, leave the stamp."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--venv", type=Path, required=True)
    parser.add_argument("--stamp", type=Path, required=True)
    parser.add_argument("--again", default="install", help="the make goal to name in messages")
    parser.add_argument("--extra", action="append", default=[])
    asked = parser.parse_args()
    python = create(asked.venv)
    install(python, asked.venv, asked.extra, asked.again)
    asked.stamp.touch()
    (asked.venv / ".installed").touch()  # what the tests need contains what the rest needs


if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036 - what an older Python meets here
        stop(
            f"needs Python 3.11 or newer, found {sys.version.split()[0]}; "
            "name another with 'make PYTHON=python3.12 ...'"
        )
    main()
