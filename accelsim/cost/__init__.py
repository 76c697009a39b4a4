"""What an action or a component costs: energy in pJ, area in um2, each with source and range."""

DEFAULT_TABLE = "45nm"  # the shipped table with the most figures that were looked up
