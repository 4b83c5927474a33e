"""LangChain on stepwell: `ChatStepwell`, a BaseChatModel, and `StepwellEmbeddings`. Needs the extra `langchain`.

from stepwell.integrations.langchain import ChatStepwell
ChatStepwell(model="openai:gpt-4o").invoke("Say hello.").text
"""

from __future__ import annotations

from ..common import missing

try:
    from .chat import ChatStepwell
    from .embeddings import StepwellEmbeddings
except ImportError as error:
    raise missing(error, "langchain_core", "langchain") from None

__all__ = ["ChatStepwell", "StepwellEmbeddings"]
