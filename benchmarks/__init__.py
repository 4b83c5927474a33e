"""Measure stepwell's cost against the least code that does the same work and against its peers: `make bench`."""
