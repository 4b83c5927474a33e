"""The wires of chats, by name."""

from __future__ import annotations

from stepwell.declare import Wire
from stepwell.providers.wires.anthropic_messages import anthropic_messages
from stepwell.providers.wires.bedrock_converse import bedrock_converse
from stepwell.providers.wires.cohere_chat import cohere_chat
from stepwell.providers.wires.google_generate import google_generate
from stepwell.providers.wires.mistral_chat import mistral_chat
from stepwell.providers.wires.ollama_chat import ollama_chat
from stepwell.providers.wires.openai_chat import openai_chat
from stepwell.providers.wires.openai_responses import openai_responses

RECORDED_CHATS: dict[str, Wire] = {
    wire.name: wire
    for wire in (
        anthropic_messages,
        bedrock_converse,
        cohere_chat,
        google_generate,
        mistral_chat,
        openai_chat,
        openai_responses,
    )
}
"""Those that there is recorded traffic of."""
CHAT_WIRES = {**RECORDED_CHATS, ollama_chat.name: ollama_chat}
