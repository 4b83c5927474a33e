"""The almanac: what every model can do and what it costs."""
