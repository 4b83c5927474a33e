"""Ollama: its own chat, which alone sets the context's size, and its OpenAI-compatible one (`wire="openai_chat"`)."""

from __future__ import annotations

from attrs import evolve

from .dsl.provider import declare_provider
from .wires.ollama_chat import ollama_chat
from .wires.openai_chat import openai_chat
from .wires.operations.ollama_embeddings import ollama_embeddings
from .wires.operations.openai_misc import openai_models

ollama = declare_provider(
    "ollama",
    name="Ollama",
    docs="https://docs.ollama.com/api",
    wire=[
        ollama_chat,
        evolve(openai_chat, path="/v1/chat/completions"),
        ollama_embeddings,
        evolve(openai_models, path="/v1/models"),
    ],
    base_url="http://localhost:11434",
    base_url_env="OLLAMA_HOST",
    env_key="OLLAMA_API_KEY",
    key_optional=True,
    options={
        "num_ctx": {"type": "integer", "minimum": 1},
        "keep_alive": {"type": ["string", "number"]},
        "options": {"type": "object"},
        "think": {},
    },
)
