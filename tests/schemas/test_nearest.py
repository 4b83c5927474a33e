"""A name is suggested for one that misspells it, and never for another word."""

from __future__ import annotations

import pytest

from stepwell.providers.declare.registry import REGISTRY
from stepwell.schemas.nearest import misspelt, nearest
from stepwell.schemas.options import CALL_OPTIONS, CHAT_OPTIONS

OPTIONS = {**CHAT_OPTIONS, **CALL_OPTIONS}
MISSPELT = {
    "temprature": "temperature",
    "tempreature": "temperature",
    "max_token": "max_tokens",
    "maxTokens": "max_tokens",
    "mx_tokens": "max_tokens",
    "tokens_max": "max_tokens",
    "topP": "top_p",
    "tol_choice": "tool_choice",
    "sede": "seed",
    "time_out": "timeout",
    "timeuot": "timeout",
    "base_uri": "base_url",
    "presense_penalty": "presence_penalty",
    "reasoningEffort": "reasoning_effort",
    "apikey": "api_key",
}
OTHER_WORDS = (
    *(
        "history",
        "top_k_tokens",
        "min_tokens",
        "max_tools",
        "top_a",
        "top_n",
        "top",
        "presence",
        "logit",
        "mode",
        "cache",
    ),
    *("memory", "nonsense", "effort", "session", "x", "", "_", "max_" * 50),
)


@pytest.mark.parametrize("name", MISSPELT)
def test_a_misspelt_option_is_recognised(name: str) -> None:
    assert nearest(name, OPTIONS) == f"did you mean {MISSPELT[name]!r}?"


@pytest.mark.parametrize("name", OTHER_WORDS)
def test_another_word_is_not_taken_for_an_option_that_looks_alike(name: str) -> None:
    assert misspelt(name, OPTIONS) is None
    assert nearest(name, OPTIONS).startswith("known are api_key, audio, base_url, ")


def test_of_many_names_none_is_listed_that_is_only_the_nearest() -> None:
    ids = REGISTRY.ids()
    assert nearest("nobody", ids) == f"none of the {len(ids)} known is similar"
    assert nearest("opnai", ids) == "did you mean 'openai'?"


def test_each_option_is_found_with_a_letter_left_out_doubled_or_swapped() -> None:
    for name in OPTIONS:
        if len(name) < 5:
            continue
        at = max(range(len(name) - 1), key=lambda at: len(name[at:].partition("_")[0]))  # in the last long word
        at += 1
        for written in (name[:at] + name[at + 1 :], name[:at] + name[at] + name[at:]):
            assert misspelt(written, OPTIONS) == name, written
