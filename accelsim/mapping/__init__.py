"""Operators on an architecture: tiling, dataflow and the tasks that result."""
