"""The answers of servers that speak another vendor's format beside their own, as they document them."""

from __future__ import annotations

from typing import Any

from documented_bodies import TEXT, Exchange, chat, message, response, said

_AWS = "https://docs.aws.amazon.com/bedrock/latest"
_MANTLE = "https://bedrock-mantle.eu-west-1.api.aws"
_MANTLE_DOCS = f"{_AWS}/userguide/bedrock-mantle.html"
_VLLM_DOCS = "https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html"
_CHAT, _RESPONSES, _MESSAGES = "/chat/completions", "/responses", "/messages"
_THOUGHT = {"type": "thinking", "thinking": "The table says nine.", "signature": "c2lnbmVk"}

# The formats that a server speaks beside its own: provider, model, address of the call, address of the documentation.
_ROWS = [
    (
        "openai_responses",
        "openrouter",
        "openai/gpt-4o",
        "https://openrouter.ai/api/v1",
        "https://openrouter.ai/docs/api/reference/responses/overview",
    ),
    (
        "openai_responses",
        "groq",
        "openai/gpt-oss-20b",
        "https://api.groq.com/openai/v1",
        "https://console.groq.com/docs/responses-api",
    ),
    ("openai_responses", "deepseek", "deepseek-chat", "https://api.deepseek.com", "https://api-docs.deepseek.com"),
    ("openai_responses", "vllm", "Qwen/Qwen3-8B", "http://localhost:8000/v1", _VLLM_DOCS),
    (
        "openai_responses",
        "ollama",
        "qwen3",
        "http://localhost:11434/v1",
        "https://docs.ollama.com/api/openai-compatibility",
    ),
    ("openai_responses", "amazon_bedrock_mantle", "openai.gpt-oss-20b", f"{_MANTLE}/v1", _MANTLE_DOCS),
    (
        "anthropic_messages",
        "openrouter",
        "anthropic/claude-sonnet-4.5",
        "https://openrouter.ai/api/v1",
        "https://openrouter.ai/docs/api/api-reference/anthropic-messages/create-messages",
    ),
    (
        "anthropic_messages",
        "deepseek",
        "deepseek-chat",
        "https://api.deepseek.com/anthropic/v1",
        "https://api-docs.deepseek.com/guides/anthropic_api",
    ),
    ("anthropic_messages", "vllm", "Qwen/Qwen3-8B", "http://localhost:8000/v1", f"{_VLLM_DOCS}#messages"),
    (
        "anthropic_messages",
        "ollama",
        "qwen3",
        "http://localhost:11434/v1",
        "https://docs.ollama.com/api/anthropic-compatibility",
    ),
    (
        "anthropic_messages",
        "lmstudio",
        "qwen3",
        "http://localhost:1234/v1",
        "https://lmstudio.ai/docs/developer/anthropic-compat",
    ),
    (
        "anthropic_messages",
        "amazon_bedrock_mantle",
        "anthropic.claude-haiku-4-5",
        f"{_MANTLE}/anthropic/v1",
        _MANTLE_DOCS,
    ),
    (
        "openai_chat",
        "google",
        "gemini-2.5-flash",
        "https://generativelanguage.googleapis.com/v1beta/openai",
        "https://ai.google.dev/gemini-api/docs/openai",
    ),
    (
        "openai_chat",
        "anthropic",
        "claude-haiku-4-5",
        "https://api.anthropic.com/v1",
        "https://docs.claude.com/en/api/openai-sdk",
    ),
    (
        "openai_chat",
        "heroku",
        "claude-4-sonnet",
        "https://us.inference.heroku.com/v1",
        "https://devcenter.heroku.com/articles/heroku-inference-api-v1-chat-completions",
    ),
    ("openai_chat", "amazon_bedrock_mantle", "openai.gpt-oss-20b", f"{_MANTLE}/v1", _MANTLE_DOCS),
]


def _plain(api: str, model: str) -> tuple[str, dict[str, Any], tuple[str, ...]]:
    if api == "openai_responses":
        return _RESPONSES, response(said(), model=model), ("text",)
    if api == "anthropic_messages":
        return _MESSAGES, message(_THOUGHT, {"type": "text", "text": TEXT}, model=model), ("reasoning",)
    return _CHAT, chat(TEXT, model=model), ("text",)


def _beside(api: str, provider: str, model: str, base: str, address: str) -> Exchange:
    path, body, kinds = _plain(api, model)
    return Exchange(api, provider, model, base + path, address, kinds, body)


HOSTS = [_beside(*row) for row in _ROWS]
