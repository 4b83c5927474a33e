"""Streamed answers: bytes to events to chunks."""
