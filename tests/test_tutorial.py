"""docs/tutorial.md as a reader would follow it: files saved, commands run, in order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the tutorial captures a model")

ROOT = Path(__file__).resolve().parents[1]
FENCE = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_tutorial_works_as_written(tmp_path):
    text = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
    }
    said = {}
    for language, name, body in FENCE.findall(text):
        if name:
            (tmp_path / name).write_text(body)
            continue
        assert language == "sh"
        for command in body.splitlines():
            done = subprocess.run(
                command, shell=True, cwd=tmp_path, env=environment, text=True,
                capture_output=True, timeout=300,
            )  # fmt: skip
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
            said[command] = done.stdout
    assert [command.split()[0] for command in said] == [*["accelsim"] * 2, "python",
                                                        *["accelsim"] * 2]  # fmt: skip
    captured, table, again, verdict, _ = said.values()
    assert "mine.trace: 22 operators" in captured and "not understood" not in captured
    assert "L0.attention" in table
    assert again.strip() == "True"
    assert "speedup over the baseline, end to end" in verdict
    for file in ("pictures/kept_keys.png", "report/index.html"):
        assert (tmp_path / file).stat().st_size > 10_000
    assert len([line for line in FENCE.findall(text)[0][2].splitlines() if line.strip()]) <= 25
