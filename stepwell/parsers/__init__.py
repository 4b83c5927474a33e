"""Text that a model wrote, read as what was asked for. Import from the modules."""
