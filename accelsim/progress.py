"""A progress display on stderr for what may take longer than two seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[str, int, int], None]

SHOWN_AFTER_SECONDS = 2.0


@contextmanager
def progress_display() -> Iterator[Progress | None]:
    """Give a `progress(text, done, of)` that shows itself while work goes on.

    It appears only on a terminal and only after two seconds, and leaves nothing behind; without a
    terminal it is None.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Display

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    display = Display(*columns, TimeElapsedColumn(), console=console, transient=True)
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
