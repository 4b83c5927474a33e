"""Option rules for the Gemini models, at any provider, with a table of the generations.

https://ai.google.dev/gemini-api/docs/thinking, https://cloud.google.com/vertex-ai/generative-ai/docs/thinking
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import evolve

from ...pipeline.http.request import Request
from ...schemas.json_types import JSONSchema
from ...schemas.message import Message
from ...schemas.model import Model
from ...schemas.options import EFFORTS
from ...schemas.parts import ToolCall
from ..declare.constraints import Constraints, constrained, fitting, sampling_within
from ..declare.object_support import lazy_dialect
from ..declare.provider import Override, override
from ..declare.rule_tables import DroppedOptions, Rule
from ..declare.rule_tables import Options as Given
from ..declare.rules import EFFORT_TOKENS, at_most, clamp, default, drop, nearest_effort, only, without_thinking
from ..declare.translate import no_json_with_tools
from ..wires.google_generate import google_generate
from ..wires.google_generate.encode import NAME, SKIP_VALIDATION

OPTIONS: Mapping[str, JSONSchema] = {
    "reasoning_effort": {"enum": list(EFFORTS)},
    "reasoning_budget": {"type": "integer", "minimum": -1},
    "reasoning_summary": {"enum": ["auto", "concise", "detailed", "none"]},
    "thinking_config": {"type": "object"},
    "generation_config": {"type": "object"},
    "safety_settings": {"type": "array"},
    "cached_content": {"type": "string"},
    "tool_config": {"type": "object"},
    "media_resolution": {"type": "string"},
    "speech_config": {"type": "object"},
    "image_config": {"type": "object"},
}


IMAGEN: Mapping[str, str] = {"*imagen-*": "google_images"}
"""Models that make images by `predict`; the others make them in a chat."""


def gemini_budgeted_thinking(least: int = 0, most: int | None = None, *, can_stop: bool = True) -> Rule:
    """Send reasoning_effort and reasoning_budget as a budget of tokens.

    least: the lowest budget.
    most: the highest budget.
    can_stop: whether a budget of 0 turns thinking off; -1 leaves it to the model.
    """

    def make(constraints: Constraints) -> Rule:
        limits = {"min_budget": least, "max_budget": most, **constraints}

        def fitted(budget: int) -> int:
            return budget if budget < 0 or (budget == 0 and can_stop) else fitting(budget, limits)

        def by_effort(effort: str) -> Thinking:
            budget = fitted(EFFORT_TOKENS[effort])
            why = "" if effort != "none" or budget == 0 else f"this model always thinks; it gets {budget} tokens"
            return {"thinkingBudget": budget}, why

        return _thinking(by_effort, fitted, limits)

    return constrained(f"budgeted_thinking from {least}" + (f" to {most}" if most else ""), make)


def levelled_thinking(*levels: str) -> Rule:
    """Send reasoning_effort as the nearest of these levels, the lowest first. A budget, which it still takes, is
    sent in its place."""

    def by_effort(effort: str) -> Thinking:
        level = nearest_effort(effort, levels)
        why = f"{effort} became {level}; this model has {', '.join(levels)}"
        return {"thinkingLevel": level}, "" if level == effort else why

    def make(constraints: Constraints) -> Rule:
        # "Budget 0 is invalid. This model only works in thinking mode": https://ai.google.dev/gemini-api/docs/thinking
        least = 0 if "minimal" in levels else 1

        def fitted(budget: int) -> int:
            return fitting(max(budget, least), constraints) if budget > 0 or budget == 0 != least else budget

        return _thinking(by_effort, fitted, constraints)

    return constrained(f"levelled_thinking {', '.join(levels)}", make)


Thinking = tuple[dict[str, Any], str]
"""The object to send, and the warning for the caller, or ""."""


def _thinking(by_effort: Callable[[str], Thinking], fitted: Callable[[int], int], limits: Constraints) -> Rule:
    """Make the common rule of both, where `fitted` returns the nearest budget that is allowed.

    A budget wins over an effort, and the vendor's own object over both. Requested thinking is shown, unless the summary
    is unwanted.
    """

    def by_budget(tokens: int) -> Thinking:
        budget = fitted(tokens)
        return {"thinkingBudget": budget}, "" if budget == tokens else f"{tokens} became {budget}, the nearest allowed"

    def rule(options: Given, model: Model) -> DroppedOptions:
        losses = without_thinking(options, model)
        names = ("reasoning_budget", "reasoning_effort", "reasoning_summary")
        requested = {name: options.pop(name) for name in names if name in options}
        own_config = options.get("thinking_config")
        config: dict[str, Any] = {}
        for name, by in (("reasoning_budget", by_budget), ("reasoning_effort", by_effort)):
            if name not in requested:
                continue
            if config or own_config is not None:
                which = "reasoning_budget" if config else "thinking_config"
                losses.append((name, f"{which} was given, too, and is more exact"))
                continue
            config, why = by(requested[name])
            losses += [(name, why)] if why else []
        if config or "reasoning_summary" in requested:
            shown = config.get("thinkingBudget") != 0 and requested.get("reasoning_summary") != "none"
            options["thinking_config"] = {**config, "includeThoughts": shown, **(own_config or {})}
        return losses + (sampling_within(options, limits) if config.get("thinkingBudget") != 0 and config else [])

    return rule


def sign_foreign_calls(request: Request) -> Request:
    """Sign the calls of other models with the vendor's placeholder, since this model refuses calls without a signature.

    Only the first call of a turn needs one.
    """
    messages = [_signed(message) for message in request.context.messages]
    if all(new is old for new, old in zip(messages, request.context.messages, strict=True)):
        return request
    signed = request.replace(context=evolve(request.context, messages=messages))
    return signed.warn("thought signatures", "calls of another model have none; Gemini is asked not to check them")


def _signed(message: Message) -> Message:
    """Return the message with the placeholder on its first call, if that has no signature."""
    for at, part in enumerate(message.content):
        if isinstance(part, ToolCall):
            extra = part.extra.get(NAME, {})
            if "thoughtSignature" in extra or message.role != "assistant":
                return message
            call = evolve(part, extra={**part.extra, NAME: {**extra, "thoughtSignature": SKIP_VALIDATION}})
            return evolve(message, content=(*message.content[:at], call, *message.content[at + 1 :]))
    return message


def voice_alone(options: Given, model: Model) -> DroppedOptions:
    """Report what is asked of spoken answers besides the voice: Gemini has one format for them."""
    audio = options.get("audio")
    others = [name for name in audio if name != "voice"] if isinstance(audio, Mapping) else []
    return [("audio", f"Gemini takes its voice alone, not {', '.join(others)}: it speaks raw PCM")] if others else []


# https://ai.google.dev/api/generate-content#generationconfig, https://ai.google.dev/gemini-api/docs/speech-generation
LIMITS: tuple[Rule, ...] = (
    clamp("temperature", 0, 2, why="Gemini's scale ends there"),
    at_most("stop", 5, why="Gemini takes 5"),
    voice_alone,
)


_PENALTIES = drop("presence_penalty", "frequency_penalty", why="this model refuses penalties")
_OLD = (gemini_budgeted_thinking(), default("json_schema", False))


def _levels(*words: str) -> tuple[Rule, ...]:
    # Their function responses may hold images: https://ai.google.dev/gemini-api/docs/function-calling#multimodal
    return levelled_thinking(*words), default("media_in_results", True), _PENALTIES


_GENERATIONS: Mapping[str, tuple[Rule, ...]] = {
    # Later rows win. Future generations are taken for the newest known one, which takes no `minimal` any more.
    # "Penalty is not enabled for this model", for all but 2.0: https://github.com/google-gemini/cookbook/issues/1290
    "gemini-1*": (*_OLD, _PENALTIES),
    "gemini-2.0*": _OLD,
    "gemini-2.5-pro*": (gemini_budgeted_thinking(128, 32768, can_stop=False), _PENALTIES),
    "gemini-2.5-flash*": (gemini_budgeted_thinking(0, 24576), _PENALTIES),
    "gemini-2.5-flash-lite*": (gemini_budgeted_thinking(512, 24576), _PENALTIES),
    **dict.fromkeys(("gemini-[3-9]*", "gemini-*-latest"), _levels("low", "medium", "high")),
    **dict.fromkeys(
        ("gemini-3-flash*", "gemini-3.1-flash*", "gemini-3.[568]-flash*"), _levels("minimal", "low", "medium", "high")
    ),
    "gemini-3-pro*": _levels("low", "high"),
    # https://ai.google.dev/gemma/docs/core/gemma_on_gemini_api
    "gemma-4*": (levelled_thinking("minimal", "high"),),
}


def gemini_models(*rules: Rule) -> Mapping[str, Override]:
    """Return the rules of each generation. `rules` are the provider's own, which stay in force."""
    models = {pattern: override(translate_options=only(*own, *LIMITS, *rules)) for pattern, own in _GENERATIONS.items()}
    return {**models, **dict.fromkeys(("gemini-1.*", "gemini-2.0-*"), _BY_SCHEMA)}


_BY_SCHEMA = override(
    wire="google_generate",
    object_support=evolve(
        google_generate.object_support,
        answers=lazy_dialect("wires.google_generate.dialect"),
        tools=lazy_dialect("wires.google_generate.dialect", "to_tool_dialect"),
    ),
)
"""Of the models that take Google's own Schema alone."""


NATIVE: Mapping[str, tuple[Rule, ...]] = {pattern: (*own, *LIMITS) for pattern, own in _GENERATIONS.items()}
"""The rules of each generation in Google's own format, at providers that have none of their own for it."""
_BIAS = drop("logit_bias", why="Gemini has no such option")
OTHER_FORMATS: Mapping[str, tuple[Rule, ...]] = {
    "gemini-*": (_PENALTIES, _BIAS, *LIMITS),
    "gemini-2.0*": (_BIAS, *LIMITS),
}
"""The same in other formats, which take an effort; the provider makes Gemini's own of it."""

FORMATS = ("google_generate",)
# "Function calling with a response mime type: 'application/json' is unsupported"; from 3 on it is supported:
# https://ai.google.dev/gemini-api/docs/structured-output
FITS: Mapping[str, Callable[[Request], Request]] = dict.fromkeys(("gemini-1*", "gemini-2*"), no_json_with_tools)
NATIVE_FITS: Mapping[str, Callable[[Request], Request]] = {
    **FITS,
    **dict.fromkeys(("gemini-[3-9]*", "gemini-*-latest"), sign_foreign_calls),
}
"""What the conversation and the tools of a model need, in Google's own format."""
