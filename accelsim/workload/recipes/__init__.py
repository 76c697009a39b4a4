"""Recipes: named models at full size, expanded into the operators of a phase."""
