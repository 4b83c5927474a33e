"""The trades: whom to talk to and how to speak."""
