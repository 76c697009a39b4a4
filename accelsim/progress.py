"""A progress display on stderr for what may take longer than two seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[str, int, int], None]

SHOWN_AFTER_SECONDS = 2.0
LINES_APART_SECONDS = 30.0  # where there is no terminal


def _lines() -> Progress:
    """Progress in plain lines on stderr, none before half a minute has passed."""
    began = said = time.monotonic()

    def show(text: str, done: int, of: int) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said >= LINES_APART_SECONDS:
            said = now
            share = f", {done} of {of}" if of else ""
            sys.stderr.write(f"{now - began:.0f} s: {text}{share}\n")
            sys.stderr.flush()

    return show


@contextmanager
def progress_display(many: str = "") -> Iterator[Progress]:
    """Give a `progress(text, done, of)` that shows itself while work goes on.

    On a terminal it appears after two seconds and leaves nothing behind; elsewhere, such as in a
    log, it is a line every half minute. `many` : what is counted, such as "points", where there are
    so many that their rate and the time left can be shown.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        ProgressColumn,
        Task,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Display
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text("" if task.speed is None else f"{task.speed:.1f} {many}/s, left:")

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines()
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    ends = (Rate(), TimeRemainingColumn()) if many else (TimeElapsedColumn(),)
    display = Display(*columns, *ends, console=console, transient=True)
    row = display.add_task("", total=None)
    began = time.monotonic()

    def show(text: str, done: int, of: int) -> None:
        display.update(row, description=text, completed=done, total=of)
        if time.monotonic() - began > SHOWN_AFTER_SECONDS:
            display.start()

    try:
        yield show
    finally:
        display.stop()
