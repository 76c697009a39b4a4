"""YAML files of ours: read with the place of every key, checked, and what is wrong in one line."""
