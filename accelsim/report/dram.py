"""Streams on a DRAM part as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd
from rich.table import Table

from accelsim.arch.part import Part
from accelsim.engine.dram import StreamResult


class StreamRun(NamedTuple):
    """One stream with its settings, and what it did on a part. `window` 0: no limit."""

    part: Part
    label: str
    window: int
    result: StreamResult

    @property
    def time_us(self) -> float:
        """Until all reads were back."""
        return self.result.clocks * self.part.clock_period / 1e6

    @property
    def bandwidth(self) -> float:
        """Bytes on the bus per second, in GB/s: equal reads that wait together count once."""
        r = self.result
        moved = (r.read_commands + r.write_commands) * self.part.request_bytes
        return moved / max(1e-9, self.time_us) / 1e3

    @property
    def share_of_peak(self) -> float:
        """Of the part's peak bandwidth."""
        return self.bandwidth * 1e9 / self.part.bandwidth

    @property
    def latency_ns(self) -> float:
        """Mean of the reads, from acceptance to the last beat."""
        return self.result.mean_read_latency_clocks * self.part.clock_period / 1000

    @property
    def channel_balance(self) -> float:
        """Commands of the busiest channel over the mean: 1 is even."""
        commands = self.result.channel_commands
        return float(commands.max() / max(1e-9, commands.mean()))


def stream_table(runs: Sequence[StreamRun]) -> pd.DataFrame:
    """Tidy: one row a run, units in the names."""
    return pd.DataFrame(
        [
            {
                "part": run.part.name,
                "stream": run.label,
                "window_requests": run.window,
                "requests": run.result.requests,
                "time_us": run.time_us,
                "bandwidth_gb_s": run.bandwidth,
                "share_of_peak": run.share_of_peak,
                "row_hit_rate": run.result.row_hit_rate,
                "mean_read_latency_ns": run.latency_ns,
                "activates": run.result.activates,
                "bursts": run.result.read_commands + run.result.write_commands,
                "refreshes": run.result.refreshes,
                "channel_balance": run.channel_balance,
            }
            for run in runs
        ]
    )


def stream_text(runs: Sequence[StreamRun]) -> Table:
    """The same for the console."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("stream", no_wrap=True)
    titles = ("outstanding", "GB/s", "of peak", "row hits", "latency ns", "activates", "bursts")
    for title in (*titles, "max/mean channel"):
        table.add_column(title, justify="right", no_wrap=True)
    for run in runs:
        bursts = run.result.read_commands + run.result.write_commands
        table.add_row(
            run.label,
            str(run.window or "queues"),
            f"{run.bandwidth:,.1f}",
            f"{100 * run.share_of_peak:.1f} %",
            f"{100 * run.result.row_hit_rate:.1f} %",
            f"{run.latency_ns:,.0f}" if run.result.reads else "-",
            f"{run.result.activates:,}",
            f"{bursts:,}",
            f"{run.channel_balance:.2f}",
        )
    return table
