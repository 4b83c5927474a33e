"""Authentication that several providers share."""
