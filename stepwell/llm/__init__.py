"""The interface of a language model that other frameworks made familiar, over the same pipeline.

llm.py: LLM, and StructuredLLM, whose answers are objects. custom.py: a model of your own, in a few lines.
"""

from typing import TYPE_CHECKING

from ..prompts import ChatTemplate, PromptTemplate, Slot
from ..schemas.other_names import suggesting
from .custom import CustomLLM
from .llm import LLM, StructuredLLM

__all__ = ["LLM", "ChatTemplate", "CustomLLM", "PromptTemplate", "Slot", "StructuredLLM"]


if not TYPE_CHECKING:  # for a type checker, any name would then exist
    __getattr__ = suggesting(__name__)
