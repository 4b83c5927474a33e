"""Servers by other authors that judge this client. `make judges` runs them all and writes docs/judges.md."""
