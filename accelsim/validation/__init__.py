"""Reference cases with their sources, and how far the model is from each of them."""
