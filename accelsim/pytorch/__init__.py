"""PyTorch to trace: the only room of the package that imports torch."""
