"""A DRAM at the simple level, given figure by figure, as an override."""

SIMPLE = (
    "dram={level: simple, bandwidth: 900 GB/s, channels: 28, capacity: 28 GiB, clock: 1.0 GHz,"
    " line: 64 B, row: 2 KiB, interleave: 256 B, banks: 16, queue_depth: 64,"
    " activate_interval: 7.5 ns, refresh_overhead: 0.067, row_hit: 14 ns, row_miss: 28 ns,"
    " return_delay: 60 ns}"
)
