"""The name of the format, and the places of an answer's parts: a stream that interleaves them folds to the same order."""

from __future__ import annotations

NAME = "openai_chat"
"""The name of the wire, under which parts keep what only this format has."""

REASONING, TEXT, REFUSAL, AUDIO, IMAGES, CALLS = 0, 1, 2, 3, 100, 1000
"""Images stand from 100 on, tool calls from 1000 on."""
