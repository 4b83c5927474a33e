"""Sample answers: those of OpenAI's chat."""

from ..openai_chat.samples import SAMPLES

__all__ = ["SAMPLES"]
