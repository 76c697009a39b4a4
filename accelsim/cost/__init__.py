"""What an action or a component costs: energy in pJ, area in um2, each with source and range."""
