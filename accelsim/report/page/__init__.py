"""The HTML page of a comparison or review, part by part; `render` puts them together."""
