"""Plain data types used by all layers. Imports nothing from the rest of the package."""
