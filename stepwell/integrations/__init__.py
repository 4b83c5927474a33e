"""Stepwell inside other frameworks. Each needs an extra of its own, and is imported by its own name only."""
