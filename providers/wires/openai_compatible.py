"""What nearly every server has that is compatible with OpenAI's API: chat, embeddings, and a list of its models."""

from attrs import evolve

from .openai_chat import openai_chat
from .operations.embeddings import openai_embeddings
from .operations.openai_misc import openai_models

COMPATIBLE = (openai_chat, openai_embeddings, openai_models)

_MARKED = evolve(openai_chat.history_shape, cache_marks=frozenset(("system", "user")))
COMPATIBLE_WITH_CACHE_MARKS = (evolve(openai_chat, history_shape=_MARKED), openai_embeddings, openai_models)
"""The same for servers that take `cache_control` on the parts of messages.

https://openrouter.ai/docs/features/prompt-caching, https://help.aliyun.com/zh/model-studio/context-cache
"""
