"""The interface of a language model that other frameworks made familiar, over the one pipeline.

llm.py: LLM. structured.py: the same, answers are objects. custom.py: a model of your own, in a few lines.
"""

from ..prompts import ChatTemplate, PromptTemplate, Slot
from .custom import CustomLLM
from .llm import LLM
from .structured import StructuredLLM

__all__ = ["LLM", "ChatTemplate", "CustomLLM", "PromptTemplate", "Slot", "StructuredLLM"]
