"""Lines and tables of the console output."""

from __future__ import annotations

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

WIDTH = 100
NAME_WIDTH = 14


class WholeTable(Table):
    """A table of which a narrow terminal breaks the lines, and neither names nor figures get lost.

    Printed with ``crop=False``.
    """

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render it as wide as it must be, up to a page's width."""
        whole = self.__rich_measure__(console, options.update(max_width=WIDTH)).maximum
        wide = max(options.max_width, min(WIDTH, whole))
        return super().__rich_console__(console, options.update(max_width=wide))


def whole_table(left: list[str], right: list[str], last: str = "") -> Table:
    """A table of names at the left, figures, and words in a last column."""
    table = WholeTable(box=None, pad_edge=False, header_style="bold")
    for title in left:
        table.add_column(title, overflow="fold", min_width=NAME_WIDTH)
    for title in right:
        table.add_column(title, justify="right", no_wrap=True)
    if last:
        table.add_column(last, overflow="fold")
    return table


def titled(title: str, text: str) -> Text:
    """A line that begins with what it is about."""
    return Text.assemble((f"{title}: ", "bold"), text)
