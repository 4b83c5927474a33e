"""Option rules for OpenAI's models, at any provider, with a table of the families.

https://platform.openai.com/docs/guides/reasoning,
https://platform.openai.com/docs/guides/latest-model#parameter-compatibility
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...pipeline.http.request import Request
from ...schemas.model import Model
from ..declare.dropped import drop_options, warn_of_dropped
from ..declare.provider import Override, override
from ..declare.rule_tables import DroppedOptions, Only, Options, Rule
from ..declare.rules import at_most, clamp, default, drop, efforts, only, rename, when, without_thinking

_RENAMED = rename("max_tokens", "max_completion_tokens")
# https://platform.openai.com/docs/api-reference/chat/create
_LIMITS = (
    clamp("temperature", 0, 2, why="OpenAI's scale ends there"),
    at_most("stop", 4, why="OpenAI takes 4"),
)
_SAMPLING = ("temperature", "top_p", "logprobs", "top_logprobs")
_NEVER = ("presence_penalty", "frequency_penalty", "logit_bias", "stop")
_WORDS = drop("verbosity", why="only GPT-5 and later take it")


def _unwanted_summary(options: Options, model: Model) -> DroppedOptions:
    """Drop the summary "none": summaries are off by default."""
    if options.get("reasoning_summary") == "none":
        del options["reasoning_summary"]
    return []


OPENAI: tuple[Rule, ...] = (without_thinking, _unwanted_summary, *_LIMITS, _RENAMED)
"""Rules of unknown models, such as a deployment under a name of the user's."""


def _thinks(options: Options, model: Model) -> bool:
    return options.get("reasoning_effort") != "none"


def _may_think(options: Options, model: Model) -> bool:
    return options.get("reasoning_effort") not in (None, "none")


def reasoning(*known: str, unless_asked: bool = False, old: bool = False) -> Only:
    """Make the rules of a model that thinks.

    known: its efforts, the lowest first.
    unless_asked: it does not think by default. Sampling options are sent only when it does not think.
    old: it takes neither verbosity nor parallel calls.
    """
    thinking = _may_think if unless_asked else _thinks
    early = (_WORDS, drop("parallel_tool_calls", why="the o models do not take it")) if old else ()
    return only(
        efforts(*known),
        when(thinking, drop(*_SAMPLING, why="this model takes no sampling while it thinks")),
        drop(*_NEVER, why="this model does not take it"),
        *early,
        *_LIMITS,
        _unwanted_summary,
    )


def _unthinking(options: Options, model: Model) -> DroppedOptions:
    """Drop what is said about thinking: these models take none of it."""
    names = ("reasoning_effort", "reasoning_budget", "reasoning_summary")
    dropped = {name: options.pop(name) for name in names if name in options}
    return [(name, "this model does not think") for name, value in dropped.items() if value not in (0, "none")]


_PLAIN = only(_unthinking, _WORDS, *_LIMITS)
_SEARCHING = drop(
    *("temperature", "top_p", "n", "seed", "logit_bias", "presence_penalty", "frequency_penalty"),
    why="models that search refuse it",
)
_LEVELS = ("low", "medium", "high")
_TABLES: Mapping[str, Only] = {
    **dict.fromkeys(("gpt-3.5*", "gpt-4*", "chatgpt-*"), _PLAIN),
    "o[134]*": reasoning(*_LEVELS, old=True),
    # https://developers.openai.com/cookbook/articles/gpt-oss/run-vllm: three levels, at every host
    "gpt-oss*": only(efforts(*_LEVELS)),
    # Later rows win; future families are taken for the newest known one.
    "gpt-5*": reasoning("minimal", *_LEVELS),
    "gpt-5-codex*": reasoning(*_LEVELS),
    "gpt-5-pro*": reasoning("high"),
    "gpt-5.1*": reasoning("none", *_LEVELS, unless_asked=True),
    "gpt-5.1-codex*": reasoning(*_LEVELS),
    "gpt-5.1-codex-max*": reasoning(*_LEVELS, "xhigh"),
    "gpt-5.[2-4]*": reasoning("none", *_LEVELS, "xhigh", unless_asked=True),
    "gpt-5.[5-9]*": reasoning("none", *_LEVELS, "xhigh"),
    "gpt-5.[2-9]-codex*": reasoning(*_LEVELS, "xhigh"),
    "gpt-5.[2-9]-pro*": reasoning("medium", "high", "xhigh"),
    "gpt-5.[12]-chat*": reasoning("medium"),
    **dict.fromkeys(("gpt-5-chat*", "gpt-5.3-chat*"), only(_unthinking, *_LIMITS)),
    # https://developers.openai.com/api/docs/models/gpt-5.6-terra
    **dict.fromkeys(("gpt-5.[6-9]*", "gpt-[6-9]*"), reasoning("none", *_LEVELS, "xhigh", "max")),
    "gpt-5.[6-9]-codex*": reasoning(*_LEVELS, "xhigh", "max"),
    "gpt-5.[6-9]-pro*": reasoning("medium", "high", "xhigh", "max"),
    # "Model incompatible request argument supplied": https://github.com/vercel/ai/issues/5609
    "gpt-*-search-*": only(_unthinking, _WORDS, _SEARCHING, *_LIMITS),
}

OTHER_FORMATS: Mapping[str, tuple[Rule, ...]] = {
    pattern: (*special, drop("top_k", "min_p", "repetition_penalty", why="OpenAI's models have no such option"))
    for pattern, special in _TABLES.items()
} | {"gpt-oss*": _TABLES["gpt-oss*"]}
"""The rules of each family at providers that have none of their own for it."""
FORMATS: tuple[str, ...] = ()
FITS: Mapping[str, Callable[[Request], Request]] = {}


def _asks_to_think(options: Mapping[str, object]) -> bool:
    return options.get("reasoning_effort") not in (None, "none") or bool(options.get("reasoning_budget"))


WIRE_WITH_TOOLS: tuple[str, Mapping[str, Callable[[Mapping[str, object]], bool]]] = (
    "openai_responses",
    {
        "gpt-5.4*": _asks_to_think,
        **dict.fromkeys(("gpt-5.[5-9]*", "gpt-[6-9]*"), lambda options: options.get("reasoning_effort") != "none"),
        "gpt-5.[4-9]-chat*": lambda options: False,
    },
)
"""The wire for tools of models whose chat completions take none while they think; and whether they do, by the options.

"To use function tools, use /v1/responses or set reasoning_effort to 'none'."
https://github.com/openai/openai-openapi/issues/541
"""


# https://platform.openai.com/docs/api-reference/audio/createTranscription: the newer models return only text, but for
# the one that separates speakers, which needs a chunking strategy for audio longer than 30 seconds.
TRANSCRIBING: Mapping[str, Override] = {
    "*whisper*": override(translate_options=[default("response_format", "verbose_json")]),
    "*-transcribe-diarize*": override(
        translate_options=[default("response_format", "diarized_json"), default("chunking_strategy", "auto")]
    ),
}
"""Models that return more than the text of an audio file, at any provider."""


_LEAST = 16
"""The lowest max_output_tokens of a response: "Expected a value >= 16"."""


def fit_to_path(request: Request) -> Request:
    """Drop metadata from a chat completion that is not stored, and raise the max_tokens of a response to the lowest.

    "The 'metadata' parameter is only allowed when 'store' is enabled." The Responses API always takes it.
    """
    options = request.options
    if options.get("max_tokens", _LEAST) < _LEAST and request.url.partition("?")[0].endswith("/responses"):
        losses = [("max_tokens", f"{options['max_tokens']} became {_LEAST}, the lowest of the Responses API")]
        return warn_of_dropped(request, losses, options={**options, "max_tokens": _LEAST})
    if "metadata" not in options or options.get("store") or not request.url.endswith("/chat/completions"):
        return request
    return drop_options(request, ["metadata"], "chat completions take it only with store=True")


def openai_families(*rules: Rule) -> Mapping[str, Override]:
    """Return the rules of each family. `rules` are the provider's own, which run first."""
    return {
        pattern: override(translate_options=only(*rules, *special, _RENAMED)) for pattern, special in _TABLES.items()
    }
