"""Gateways in front of providers, as edits of their pipelines."""
