"""Make a conversation fit a provider."""
