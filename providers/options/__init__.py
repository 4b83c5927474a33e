"""Option rules of model families that several providers serve."""
