"""Moonshot AI. https://platform.moonshot.ai/docs"""

from ..schemas.model import Model
from .declare.constraints import unthinking_if_forced
from .declare.prefill import PrefillSupport
from .declare.provider import declare_provider, override
from .declare.rule_tables import DroppedOptions, Options
from .declare.rules import clamp, drop, efforts, rename, switch, without_thinking
from .declare.tool_policies import ToolCallIdPolicy
from .wires.openai_chat.encode import replaying
from .wires.openai_compatible import COMPATIBLE

_FIXED = drop(
    "temperature", "top_p", "n", "presence_penalty", "frequency_penalty", why="this model's sampling is fixed"
)
# "tool_choice" can only be auto or none while it thinks: https://platform.moonshot.ai/docs/guide/kimi-k2-5-quickstart
_UNFORCED = unthinking_if_forced("thinking", {"type": "disabled"}, by_default=True)


def _never_forced(options: Options, model: Model) -> DroppedOptions:
    if options.get("tool_choice") in (None, "auto", "none"):
        return []
    del options["tool_choice"]
    return [("tool_choice", "this model always thinks, and takes no forced choice then")]


_ALWAYS = drop("reasoning_effort", "reasoning_budget", why="this model always thinks, and chooses the effort itself")
_LEVELS = efforts("low", "high", "max")


def _levels_or_none(options: Options, model: Model) -> DroppedOptions:
    if options.get("reasoning_effort") != "none":
        return _LEVELS(options, model)
    del options["reasoning_effort"]
    options["thinking"] = {"type": "disabled"}
    return []


moonshot = declare_provider(
    "moonshot",
    name="Moonshot AI",
    docs="https://platform.moonshot.ai/docs",
    wire=COMPATIBLE,
    base_url="https://api.moonshot.ai/v1",
    env_key=["MOONSHOT_API_KEY"],
    # https://platform.moonshot.ai/docs/guide/use-partial-mode-feature-of-kimi-api
    prefill={"openai_chat": PrefillSupport(message={"partial": True})},
    options={"thinking": {"type": "object"}},
    translate_options=[
        without_thinking,
        rename("max_tokens", "max_completion_tokens"),
        clamp("temperature", 0, 1, why="Moonshot's scale ends there"),
    ],
    # https://platform.moonshot.ai/docs/api/chat#fields-description
    models={
        "kimi-k2.[56]*": override(
            translate_options=[_UNFORCED, switch("thinking", on={"type": "enabled"}, off={"type": "disabled"}), _FIXED]
        ),
        "kimi-k2.[7-9]*": override(translate_options=[_ALWAYS, _never_forced, _FIXED]),
        "kimi-k[3-9]*": override(translate_options=[_UNFORCED, _levels_or_none, _FIXED]),
    },
    # Kimi reads the ids that it gave, "functions.name:0": https://github.com/MoonshotAI/Kimi-K2/blob/main/docs/tool_call_guidance.md
    tool_call_id_policy=ToolCallIdPolicy(alphabet="A-Za-z0-9_.:-"),
    # Tool use after thinking fails unless earlier reasoning is sent back, as with DeepSeek.
    **replaying("reasoning_content"),
)
