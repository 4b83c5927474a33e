"""DeepSeek. https://api-docs.deepseek.com"""

from typing import Any

from ..pipeline.http.request import Request
from ..schemas.model import Model
from .declare.constraints import unthinking_if_forced
from .declare.object_support import ObjectSupport, never_strict
from .declare.prefill import PrefillSupport
from .declare.provider import declare_provider, override
from .declare.rule_tables import DroppedOptions, Options, Rule
from .declare.rules import at_most, clamp, degrees_lost, drop, efforts, nearest_effort, only, when
from .wires.compatible_chats import compatible_messages, compatible_responses
from .wires.openai_chat import openai_chat
from .wires.openai_chat.encode import replaying, with_plain_texts
from .wires.operations.openai_misc import openai_models

_IGNORED = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs")
_EFFORTS = ("high", "max")
_SCALE = clamp("temperature", 0, 2, why="DeepSeek's scale ends there")


def _thinking(*, by_default: bool) -> Rule:
    """Make the rule for reasoning_effort: a switch, and for models that think by default one of two levels.

    https://api-docs.deepseek.com/guides/thinking_mode
    """

    def deepseek_thinking(options: Options, model: Model) -> DroppedOptions:
        effort, budget = options.pop("reasoning_effort", None), options.pop("reasoning_budget", None)
        losses: DroppedOptions = [] if budget is None else [("reasoning_budget", "DeepSeek takes no budget")]
        if effort is None or "thinking" in options:
            return losses
        options["thinking"] = {"type": "disabled" if effort == "none" else "enabled"}
        if effort == "none" or not by_default:
            return losses + degrees_lost(effort)
        level = nearest_effort(effort, _EFFORTS)
        options["reasoning_effort"] = level
        if level != effort:
            losses.append(("reasoning_effort", f"{effort} became {level}; this model knows high and max"))
        return losses

    return deepseek_thinking


def _rules(*, thinks_by_default: bool) -> tuple[Rule, ...]:
    def thinks(options: Options, model: Model) -> bool:
        thinking = options.get("thinking")
        return thinking.get("type") != "disabled" if thinking else thinks_by_default

    return (
        unthinking_if_forced("thinking", {"type": "disabled"}, by_default=thinks_by_default),
        _thinking(by_default=thinks_by_default),
        when(thinks, drop(*_IGNORED, why="it has no effect, or is refused, while the model thinks")),
        # https://api-docs.deepseek.com/api/create-chat-completion
        _SCALE,
        at_most("stop", 16, why="DeepSeek takes 16"),
        drop(
            *("seed", "n", "logit_bias", "parallel_tool_calls", "verbosity", "prompt_cache_key", "service_tier"),
            *("user", "metadata", "modalities", "audio", "store"),
            why="DeepSeek does not support it",
        ),
    )


def _build_body(request: Request) -> dict[str, Any]:
    """Build the body, with the text of each message as a string: a list of parts is refused ("invalid type: sequence,
    expected a string"). https://api-docs.deepseek.com/api/create-chat-completion"""
    return with_plain_texts(_REPLAYING["build_body"](request))


# Tool use after thinking fails unless earlier reasoning is sent back:
# https://api-docs.deepseek.com/guides/thinking_mode
_REPLAYING = replaying("reasoning_content")

deepseek = declare_provider(
    "deepseek",
    name="DeepSeek",
    docs="https://api-docs.deepseek.com",
    wire=[
        openai_chat,
        compatible_responses(),
        # https://api-docs.deepseek.com/guides/anthropic_api
        compatible_messages("/anthropic/v1/messages"),
        openai_models,
    ],
    base_url="https://api.deepseek.com",
    env_key="DEEPSEEK_API_KEY",
    # https://api-docs.deepseek.com/guides/chat_prefix_completion, which is under another address
    prefill={
        "openai_chat": PrefillSupport(
            ("deepseek-chat",),
            while_thinking=True,
            message={"prefix": True},
            address=("https://api.deepseek.com/", "https://api.deepseek.com/beta/"),
        )
    },
    options={"thinking": {"type": "object"}},
    translate_options=_rules(thinks_by_default=True),
    models={
        "deepseek-chat": override(translate_options=only(*_rules(thinks_by_default=False))),
        "*": override(wire="openai_responses", translate_options=only(efforts("none", *_EFFORTS), _SCALE)),
        "deepseek*": override(wire="anthropic_messages", translate_options=only(_SCALE)),
    },
    build_body=_build_body,
    accepts_part=_REPLAYING["accepts_part"],
    object_support=ObjectSupport(modes=("tool", "json", "prompt"), strict_tools=never_strict),
)
