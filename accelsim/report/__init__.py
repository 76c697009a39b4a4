"""What a person sees: console tables, one file a plot (prepare, then draw), and the HTML review."""
