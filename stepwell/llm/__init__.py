"""The interface of a language model that other frameworks made familiar, over the same pipeline.

llm.py: LLM, and StructuredLLM, whose answers are objects. custom.py: a model of your own, in a few lines.
"""

from ..prompts import ChatTemplate, PromptTemplate, Slot
from .custom import CustomLLM
from .llm import LLM, StructuredLLM

__all__ = ["LLM", "ChatTemplate", "CustomLLM", "PromptTemplate", "Slot", "StructuredLLM"]
