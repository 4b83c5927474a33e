"""Where the parts of an answer stand in its message, and the name under which they keep what only this wire knows.

A stream that interleaves the parts folds to the same order.
"""

from __future__ import annotations

NAME = "openai_chat"
REASONING, TEXT, REFUSAL, AUDIO, SERVER_TOOLS, IMAGES, CALLS = 0, 1, 2, 3, 10, 100, 1000
"""Tools that the server ran stand from 10 on, images from 100, tool calls from 1000."""
