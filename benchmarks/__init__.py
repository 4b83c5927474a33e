"""What stepwell costs, measured against the least code that does the same work and against its peers: `make bench`."""
