"""Mistral's chat: OpenAI's, except for the form of tool call ids, usage (always in the stream), the order of turns, and
the form of files and thinking (see encode.py).

https://docs.mistral.ai/api
"""

from __future__ import annotations

from attrs import evolve

from ...declare.tool_policies import ToolCallIdPolicy
from ...history.shape import HistoryShape
from ..openai_chat import openai_chat
from .encode import accepts_part, build_body

mistral_chat = evolve(
    openai_chat,
    name="mistral_chat",
    history_format=openai_chat.name,
    options=openai_chat.options
    - {"logprobs", "top_logprobs", "logit_bias", "user", "store", "verbosity", "modalities"},
    build_body=build_body,
    accepts_part=accepts_part,
    history_shape=HistoryShape(
        bridges=True,
        speakers=frozenset(),
        empty=frozenset(("assistant",)),
        blocks=frozenset(("system", "user", "tool")),
    ),
    tool_call_id_policy=ToolCallIdPolicy(alphabet="A-Za-z0-9", exact_length=9, max_length=9),
)
