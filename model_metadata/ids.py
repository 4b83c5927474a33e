"""Find what the id of a model tells, however it is spelled: the model's row in the catalog, and its family.

Each normalizer returns an id shortened, or unchanged. A provider's declaration names those that apply to it. The id
that is sent never changes, only the row that is looked up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, reduce

from ..schemas.late_pattern import late_pattern

Normalizer = Callable[[str], str]


def _without(pattern: str) -> Normalizer:
    # re compiles a pattern when it is first used: most programs do not need most of these.
    return lambda id: re.sub(pattern, "", id)


without_date = _without(r"[-@](?:20\d{2}-\d{2}-\d{2}|20\d{6})$")
"""Removes a date: gpt-4o-2024-08-06, claude-opus-4-6-20260205, claude-sonnet-4@20250514."""
without_latest = _without("-latest$")
"""Shortens claude-opus-4-6-latest to claude-opus-4-6."""
without_default = _without("@default$")
"""Shortens Vertex AI's claude-opus-4-6@default to claude-opus-4-6."""
without_version = _without(r"(?:-v\d+)?(?::\d+)?$")
"""Shortens Bedrock's anthropic.claude-opus-4-6-v1:0 to anthropic.claude-opus-4-6."""
without_region = _without(r"^(?:us-gov|us|eu|apac|au|ca|jp|sa|me|global)\.(?=[a-z0-9]+\.)")
"""Shortens the inference profile apac.anthropic.claude-opus-4-6 of Bedrock to anthropic.claude-opus-4-6."""
without_arn = _without("^arn:.*/")
"""Shortens Bedrock's arn:aws:bedrock:...:inference-profile/eu.anthropic.claude-opus-5 to the id of the profile."""
without_variant = _without(":[a-z][a-z-]*$")
"""Shortens a router's deepseek/deepseek-v4-pro:nitro to deepseek/deepseek-v4-pro; variants have their own prices."""
without_revision = _without(r"-\d{3}$")
"""Shortens Google's gemini-2.5-flash-001 to gemini-2.5-flash."""
without_models_prefix = _without("^models/")
"""Shortens Google's models/gemini-2.5-pro to gemini-2.5-pro."""
without_folders = _without("^.*/")
"""Shortens Fireworks' accounts/fireworks/models/kimi-k3 to kimi-k3."""


def base_of_fine_tune(id: str) -> str:
    """Shorten OpenAI's ft:gpt-4.1-mini-2025-04-14:acme::7p4lURel to gpt-4.1-mini-2025-04-14; fine-tunes cost more."""
    return id.split(":")[1] if id.startswith("ft:") else id


PRICED_APART: frozenset[Normalizer] = frozenset({without_variant, base_of_fine_tune})
"""A model that is found by these has the capabilities of the row, but not its prices."""

NORMALIZERS: Mapping[str, tuple[Normalizer, ...]] = {
    "amazon-bedrock": (without_arn, without_version, without_region, without_date),
    "google": (without_models_prefix, without_revision, without_date, without_latest),
    "google-vertex": (without_models_prefix, without_revision, without_default, without_date),
    "google-vertex-anthropic": (without_default, without_date),
    "openai": (without_date, base_of_fine_tune, without_date),
    "openrouter": (without_date, without_variant),
    "kilo": (without_variant,),
    "fireworks-ai": (without_folders,),
}
"""The normalizers of a provider, by its id, if the caller passes none."""

ANY: tuple[Normalizer, ...] = (without_date, without_latest)
"""The normalizers of a provider without an entry of its own."""


def reduced(id: str, normalizers: Iterable[Normalizer]) -> str:
    """Return the id after each normalizer in turn."""
    return reduce(lambda shorter, normalize: normalize(shorter), normalizers, id)


def _has_own_price(id: str, steps: Iterable[Normalizer]) -> bool:
    for step in steps:
        shorter = step(id)
        if shorter != id and step in PRICED_APART:
            return True
        id = shorter
    return False


class Spellings:
    """The rows of one provider by shortened ids; built when an id is first looked up that is not listed as it is."""

    __slots__ = ("_ids", "_tables")

    def __init__(self, ids: Iterable[str]) -> None:
        self._ids = ids
        self._tables: dict[tuple[Normalizer, ...], dict[str, str]] = {}

    def find(self, id: str, normalizers: tuple[Normalizer, ...]) -> tuple[str, bool] | None:
        """Return the listed id that `id` stands for, and whether it has the same price; None if there is none.

        Normalizers are applied one after another to both ids, so that the least shortened match wins.
        """
        for count in range(1, len(normalizers) + 1):
            steps = normalizers[:count]
            listed = self._table(steps).get(reduced(id, steps))
            if listed is not None:
                return listed, not (_has_own_price(id, steps) or _has_own_price(listed, steps))
        return None

    def _table(self, steps: tuple[Normalizer, ...]) -> dict[str, str]:
        if steps not in self._tables:
            # The shortest last, which counts: an undated id takes precedence over dated ones.
            longest_first = sorted(self._ids, key=lambda id: (len(id), id), reverse=True)
            self._tables[steps] = {reduced(id, steps): id for id in longest_first}
        return self._tables[steps]


# The first name in an id counts: a distilled model is named after its base first.
_FAMILY = late_pattern(
    r"(?:^|[^a-z0-9])(claude|gemini|grok|chatgpt|gpt|o1|o3|o4|"
    r"gemma|llama|qwen|deepseek|glm|kimi|minimax|mistral|phi|nova)(?=[-.:@\d]|$)"
)
_ONE_FAMILY = dict.fromkeys(("chatgpt", "o1", "o3", "o4"), "gpt")


def find_family(lowered_id: str) -> re.Match[str] | None:
    """Find the name of a family in an id in lower case; it is group 1 of the match."""
    return _FAMILY.search(lowered_id)


@lru_cache(1000)
def named_family(id: str) -> str:
    """Return the family that a model belongs to; "" where its id does not tell."""
    found = find_family(id.lower())
    return _ONE_FAMILY.get(found[1], found[1]) if found else ""
