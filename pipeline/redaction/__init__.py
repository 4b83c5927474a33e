"""Keep texts from a provider: what is found, its placeholders, and how they are put back into answers."""
