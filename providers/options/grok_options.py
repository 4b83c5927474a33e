"""Option rules for the Grok models, at any provider. https://docs.x.ai/docs/guides/reasoning"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...pipeline.http.request import Request
from ..declare.provider import Override, override
from ..declare.rule_tables import Rule
from ..declare.rules import at_most, clamp, drop, efforts, only, when, without_thinking

_NO_EFFORT = drop("reasoning_effort", "reasoning_budget", why="this model chooses the effort itself")

GROK: tuple[Rule, ...] = (
    without_thinking,
    when(
        lambda options, model: model.reasoning is not False,
        drop("presence_penalty", "frequency_penalty", "stop", why="xAI's reasoning models refuse it"),
    ),
    # https://docs.x.ai/docs/api-reference#chat-completions
    clamp("temperature", 0, 2, why="xAI's scale ends there"),
    at_most("stop", 4, why="xAI takes 4"),
)

# Later rows win; unknown newer models are treated like the newest known one.
_GENERATIONS: Mapping[str, Rule] = {
    "grok-3-mini*": efforts("low", "high"),
    **dict.fromkeys(("grok-4*", "grok-code*", "grok-build*"), _NO_EFFORT),
    "grok-4.20-multi-agent*": efforts("low", "medium", "high", "xhigh"),
    "grok-4.3*": efforts("none", "low", "medium", "high"),
    "grok-4.5*": efforts("low", "medium", "high"),
    "grok-4.[6-9]*": efforts("low", "medium", "high", "xhigh"),
}
_NO_BIAS = drop("logit_bias", why="Grok has no such option")
OTHER_FORMATS: Mapping[str, tuple[Rule, ...]] = {
    "grok-*": (*GROK, _NO_BIAS),
    **{pattern: (without_thinking, rule, *GROK, _NO_BIAS) for pattern, rule in _GENERATIONS.items()},
}
"""The rules of each generation at providers that have none of their own for it."""
FORMATS: tuple[str, ...] = ()
FITS: Mapping[str, Callable[[Request], Request]] = {}


def grok_models(*rules: Rule) -> Mapping[str, Override]:
    """Return the rules of each generation. `rules` are the provider's own, which stay in force."""
    return {
        pattern: override(translate_options=only(without_thinking, rule, *GROK, *rules))
        for pattern, rule in _GENERATIONS.items()
    }
