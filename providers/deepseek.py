"""DeepSeek. https://api-docs.deepseek.com"""

from ..schemas.model import Model
from .declare.object_support import ObjectSupport
from .declare.provider import declare_provider
from .declare.rules import DroppedOptions, Options, at_most, clamp, degrees_lost, drop, nearest_effort, when
from .wires.openai_chat import openai_chat
from .wires.openai_chat.encode import replaying
from .wires.operations.openai_misc import openai_models

_IGNORED = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs")
_EFFORTS = {"high": "high", "xhigh": "max"}


def deepseek_thinking(options: Options, model: Model) -> DroppedOptions:
    """reasoning_effort is a switch, and for those that think by themselves one of two words.

    https://api-docs.deepseek.com/guides/thinking_mode
    """
    asked, budget = options.pop("reasoning_effort", None), options.pop("reasoning_budget", None)
    losses: DroppedOptions = [] if budget is None else [("reasoning_budget", "DeepSeek takes no budget")]
    if asked is None or "thinking" in options:
        return losses
    options["thinking"] = {"type": "disabled" if asked == "none" else "enabled"}
    if asked == "none" or model.id == "deepseek-chat":
        return losses + degrees_lost(asked)
    effort = nearest_effort(asked, _EFFORTS)
    options["reasoning_effort"] = _EFFORTS[effort]
    if _EFFORTS[effort] != asked:
        losses.append(("reasoning_effort", f"{asked} became {_EFFORTS[effort]}; this model knows high and max"))
    return losses


def thinks(options: Options, model: Model) -> bool:
    """Whether it will, being asked or by itself."""
    given = options.get("thinking")
    return given.get("type") != "disabled" if given else model.id != "deepseek-chat"


deepseek = declare_provider(
    "deepseek",
    name="DeepSeek",
    docs="https://api-docs.deepseek.com",
    wire=[openai_chat, openai_models],
    base_url="https://api.deepseek.com/v1",
    env_key="DEEPSEEK_API_KEY",
    options={"thinking": {"type": "object"}},
    translate_options=[
        deepseek_thinking,
        when(thinks, drop(*_IGNORED, why="it has no effect, or is refused, while the model thinks")),
        # https://api-docs.deepseek.com/api/create-chat-completion
        clamp("temperature", 0, 2, why="DeepSeek's scale ends there"),
        at_most("stop", 16, why="DeepSeek takes 16"),
        drop(
            *("seed", "n", "logit_bias", "parallel_tool_calls", "verbosity", "prompt_cache_key", "service_tier"),
            *("user", "metadata", "modalities", "audio", "store"),
            why="DeepSeek does not support it",
        ),
    ],
    # Tool use after thinking fails unless earlier reasoning comes back:
    # https://api-docs.deepseek.com/guides/thinking_mode
    **replaying("reasoning_content"),
    object_support=ObjectSupport(modes=("tool", "json", "prompt")),
)
