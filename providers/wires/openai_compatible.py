"""What nearly every server has that is compatible with OpenAI's API: chat, embeddings, and a list of its models."""

from .openai_chat import openai_chat
from .operations.embeddings import openai_embeddings
from .operations.openai_misc import openai_models

COMPATIBLE = (openai_chat, openai_embeddings, openai_models)
