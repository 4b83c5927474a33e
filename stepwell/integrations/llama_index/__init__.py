"""LlamaIndex on stepwell: `StepwellLLM`, a FunctionCallingLLM, and `StepwellEmbedding`. Needs the extra `llama-index`.

from stepwell.integrations.llama_index import StepwellLLM
StepwellLLM(model="openai:gpt-4o").complete("Say hello.").text
"""

from __future__ import annotations

from ..common import missing

try:
    from .embeddings import StepwellEmbedding
    from .llm import StepwellLLM
except ImportError as error:
    raise missing(error, "llama_index", "llama-index") from None

__all__ = ["StepwellEmbedding", "StepwellLLM"]
