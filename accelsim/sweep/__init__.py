"""Sweeps: plans of many design points, what runs them, where results lie, and search."""
