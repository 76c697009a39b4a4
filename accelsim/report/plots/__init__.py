"""One file a plot: `prepare` gathers the figures, `draw` makes the picture."""
