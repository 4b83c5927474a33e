"""MiniMax. https://platform.minimax.io/docs/api-reference"""

from .declare.provider import declare_provider
from .wires.anthropic_messages import anthropic_messages

minimax = declare_provider(
    "minimax",
    name="MiniMax",
    docs="https://platform.minimax.io/docs",
    wire=anthropic_messages,
    base_url="https://api.minimax.io/anthropic/v1",
    env_key="MINIMAX_API_KEY",
    options={"thinking": {"type": "object"}},
)
