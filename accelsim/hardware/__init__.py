"""What a machine is made of: its area, its power, and the energy of what it did."""
