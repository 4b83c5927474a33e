"""The facts about one model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, fields, frozen

from .errors import UnknownModel
from .late_pattern import late_pattern
from .prices import Prices

_NOTHING: frozenset[str] = frozenset()


@frozen
class Model:
    """One model of one provider. None, and an empty set of modalities, mean unknown."""

    provider: str
    """The id of its provider."""
    id: str
    """The model's name on the wire, exactly as the caller gave it."""
    known: bool = False
    """False for a model that is not in the catalog; it can be called nevertheless."""
    name: str | None = None
    """Its name for people."""
    family: str | None = None
    """The family that it belongs to, such as gpt or claude-sonnet."""
    wire: str | None = None
    """The wire format of this model, where it differs from its provider's."""
    base_url: str | None = None
    """The base URL of this model, where it differs from its provider's; may hold `${VARIABLES}`."""
    context_window: int | None = None
    """The most tokens of input and output together."""
    max_output_tokens: int | None = None
    """The most tokens of an answer."""
    input: frozenset[str] = _NOTHING
    """Modalities it reads: text, image, pdf, audio, video."""
    output: frozenset[str] = _NOTHING
    """Modalities it writes: text, image, audio, video, embedding, ranking."""
    tools: bool | None = None
    """Whether it calls tools."""
    reasoning: bool | None = None
    """Whether it can reason before it answers."""
    structured_output: bool | None = None
    """Whether its answers can be made to fit a JSON Schema."""
    temperature: bool | None = None
    """Whether it takes a temperature."""
    attachment: bool | None = None
    """Whether it takes files in messages."""
    knowledge: str | None = None
    """The end of its training data: a year, month or day in ISO form."""
    release_date: str | None = None
    """The day on which it was released, in ISO form."""
    status: str | None = None
    """alpha, beta or deprecated; None for a stable model."""
    prices: Prices | None = None
    """What it costs, in US dollars."""
    facts: Mapping[str, Any] = field(factory=dict, repr=False, hash=False)
    """All further fields of its catalog row, as plain data. `listed_as` is the id of that row if it is another than the
    model's; `unlisted` says why there is no row, and which model may be meant."""

    def __str__(self) -> str:
        return f"{self.provider}:{self.id}"

    def __repr__(self) -> str:
        """Show what is known of the model, and why nothing is of one that is not listed."""
        values = {each.name: getattr(self, each.name) for each in fields(Model) if each.repr}
        if why := self.facts.get("unlisted"):
            values["unlisted"] = why
        shown = (f"{name}={value!r}" for name, value in values.items() if value is not None and value != _NOTHING)
        return f"Model({', '.join(shown)})"

    @classmethod
    def named(cls, name: str) -> Model:
        """Make a model without facts from "provider:model-id". Raises UnknownModel for any other form."""
        return cls(*split_name(name))


_SECOND = late_pattern(r",\s*[a-z0-9_.-]+:[^/\\]")  # not in a path, such as that of a local model


def split_name(name: str) -> tuple[str, str]:
    """Split "provider:model-id" at its first colon; ids may hold more. Raises UnknownModel for any other form."""
    provider, _, model = name.partition(":") if isinstance(name, str) else ("", "", "")
    if provider and model and model.strip() == model and not any(character.isspace() for character in provider):
        if "," in model and _SECOND.search(model):
            hint = "name one, and the others in a step: pipeline=fallback(...), round_robin(...) or alloy(...)"
            raise UnknownModel(f"{_name_to_show(name)} names several models", hint=hint)
        return provider, model
    words = len(name.split()) if isinstance(name, str) else 0
    stray = words < 3 and provider.strip() and model.strip()  # "openai: gpt-4o"
    place = ", without white space" if stray else ", before the prompt" if words > 1 else ""
    raise UnknownModel(
        f"{_name_to_show(name)} does not name a model",
        hint=f'write "provider:model-id"{place}, for example "openai:gpt-4o" or "ollama:llama3.2:3b"',
    )


def _name_to_show(name: object) -> str:
    """Return the name for an error message, but not what may be a prompt passed as the model by mistake."""
    if not isinstance(name, str):
        return f"a {type(name).__name__}"
    return repr(name) if len(name) <= 80 and len(name.split()) <= 1 else f"a text of {len(name)} characters"
