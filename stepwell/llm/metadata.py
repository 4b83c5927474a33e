"""What is known of the model behind an LLM."""

from __future__ import annotations

from attrs import frozen

from ..schemas.model import Model


@frozen
class LLMMetadata:
    """Facts from the catalog; None where nobody told us, never a guess. `model` holds all the others.

    Tokens: `context_window` counts input and output together. `is_chat_model` is False for a model that takes one text
    rather than messages.
    """

    model: Model
    is_chat_model: bool = True

    @property
    def model_name(self) -> str:
        """As "provider:model-id"."""
        return str(self.model)

    @property
    def context_window(self) -> int | None:
        return self.model.context_window

    @property
    def max_output_tokens(self) -> int | None:
        return self.model.max_output_tokens

    @property
    def tools(self) -> bool | None:
        """Whether it calls tools of itself; without, predict_and_call asks for ReAct steps in plain text."""
        return self.model.tools

    @property
    def structured_output(self) -> bool | None:
        return self.model.structured_output
