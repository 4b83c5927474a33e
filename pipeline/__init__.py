"""Requests, responses, steps, the sync and async drivers, and streaming. Nothing here knows a provider."""
