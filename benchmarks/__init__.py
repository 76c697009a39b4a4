"""Speed figures: `make bench` prints them, nothing asserts them."""
