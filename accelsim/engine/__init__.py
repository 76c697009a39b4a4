"""The engine: a Program (tasks on units) goes in, a Schedule (who ran when, and why) comes out."""
