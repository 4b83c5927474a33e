"""Facts about the model of an LLM."""

from __future__ import annotations

from attrs import frozen

from ..schemas.model import Model


@frozen
class LLMMetadata:
    """Facts from the catalog. What is unknown is None, never a guess."""

    model: Model
    """The catalog's entry, with all the other facts."""
    is_chat_model: bool = True
    """False for a model that takes one text rather than messages."""

    @property
    def model_name(self) -> str:
        """As "provider:model-id"."""
        return str(self.model)

    @property
    def context_window(self) -> int | None:
        """Most tokens, input and output together."""
        return self.model.context_window

    @property
    def max_output_tokens(self) -> int | None:
        """Most tokens in an answer."""
        return self.model.max_output_tokens

    @property
    def tools(self) -> bool | None:
        """Whether it can call tools; where it cannot, predict_and_call uses ReAct steps in plain text."""
        return self.model.tools

    @property
    def structured_output(self) -> bool | None:
        """Whether it can be held to a JSON Schema."""
        return self.model.structured_output
