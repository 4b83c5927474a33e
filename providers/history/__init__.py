"""Adapt a conversation to a provider."""
