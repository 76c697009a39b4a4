"""What an action or a component costs: energy in pJ, area in um2, each with source and range."""

COSTS = "45nm"  # the table that is taken unless another is named: the one with the best sources
