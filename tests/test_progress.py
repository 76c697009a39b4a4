"""Progress is shown without a terminal too: lines, far apart."""

from __future__ import annotations

import pytest

from accelsim import progress
from accelsim.progress import LINES_APART_SECONDS, progress_display


def test_without_a_terminal_it_is_a_line_every_half_minute(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    now = 100.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    with progress_display() as show:
        for passed in (0, 1, LINES_APART_SECONDS - 1, LINES_APART_SECONDS, LINES_APART_SECONDS + 1):
            now = 100.0 + passed
            show("few: flips", int(passed), 80)
        now = 100.0 + 2 * LINES_APART_SECONDS
        show("many: flips", 79, 0)
    assert capsys.readouterr().err.splitlines() == [
        "30 s: few: flips, 30 of 80",
        "60 s: many: flips",
    ]
