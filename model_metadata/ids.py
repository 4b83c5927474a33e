"""One model, many spellings: named ways to reduce a model id to what the catalog lists.

Each takes an id and gives it back shortened, or as it was. A provider's declaration names the ones that fit it; the
id that is sent never changes, only the row that it is looked up by.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

Normalizer = Callable[[str], str]

# Left to re's own cache to compile: most programs never meet most of these.
_DATE = r"[-@](?:20\d{2}-\d{2}-\d{2}|20\d{6})$"
_BEDROCK_VERSION = r"(?:-v\d+)?(?::\d+)?$"
_BEDROCK_REGION = r"^(?:us-gov|us|eu|apac|au|ca|jp|sa|me|global)\.(?=[a-z0-9]+\.)"
_ROUTER_VARIANT = r":[a-z][a-z-]*$"
_GOOGLE_REVISION = r"-\d{3}$"


def without_date(id: str) -> str:
    """gpt-4o-2024-08-06, claude-opus-4-6-20260205, claude-sonnet-4@20250514 -> the undated id."""
    return re.sub(_DATE, "", id)


def without_latest(id: str) -> str:
    """claude-opus-4-6-latest -> claude-opus-4-6."""
    return id.removesuffix("-latest")


def without_default(id: str) -> str:
    """Vertex AI: claude-opus-4-6@default -> claude-opus-4-6."""
    return id.removesuffix("@default")


def without_version(id: str) -> str:
    """Bedrock: anthropic.claude-opus-4-6-v1:0 -> anthropic.claude-opus-4-6."""
    return re.sub(_BEDROCK_VERSION, "", id)


def without_region(id: str) -> str:
    """Bedrock inference profiles: apac.anthropic.claude-opus-4-6 -> anthropic.claude-opus-4-6."""
    return re.sub(_BEDROCK_REGION, "", id)


def without_arn(id: str) -> str:
    """Bedrock: arn:aws:bedrock:...:inference-profile/eu.anthropic.claude-opus-5 -> the profile's id."""
    return id.rpartition("/")[2] if id.startswith("arn:") and "/" in id else id


def without_variant(id: str) -> str:
    """Routers: deepseek/deepseek-v4-pro:nitro -> deepseek/deepseek-v4-pro. Such variants have prices of their own."""
    return re.sub(_ROUTER_VARIANT, "", id)


def without_revision(id: str) -> str:
    """Google: gemini-2.5-flash-001 -> gemini-2.5-flash."""
    return re.sub(_GOOGLE_REVISION, "", id)


def without_models_prefix(id: str) -> str:
    """Google: models/gemini-2.5-pro -> gemini-2.5-pro."""
    return id.removeprefix("models/")


def without_folders(id: str) -> str:
    """Fireworks: accounts/fireworks/models/kimi-k3 -> kimi-k3."""
    return id.rpartition("/")[2]


def base_of_fine_tune(id: str) -> str:
    """OpenAI: ft:gpt-4.1-mini-2025-04-14:acme::7p4lURel -> gpt-4.1-mini-2025-04-14. Fine-tunes cost more."""
    return id.split(":")[1] if id.startswith("ft:") else id


PRICED_APART: frozenset[Normalizer] = frozenset({without_variant, base_of_fine_tune})
"""What these find shares the row's abilities, not its prices."""

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
"""For a provider whose caller names none."""

ANY: tuple[Normalizer, ...] = (without_date, without_latest)
"""For a provider that has no entry of its own."""


def reduced(id: str, normalizers: Iterable[Normalizer]) -> str:
    """`id` after each of them in turn."""
    for normalize in normalizers:
        id = normalize(id)
    return id


def _priced_apart(id: str, steps: Iterable[Normalizer]) -> bool:
    for step in steps:
        shorter = step(id)
        if shorter != id and step in PRICED_APART:
            return True
        id = shorter
    return False


class Spellings:
    """The rows of one provider by their shortened ids, built on the first id that is not listed as it stands."""

    __slots__ = ("_ids", "_tables")

    def __init__(self, ids: Iterable[str]) -> None:
        self._ids = ids
        self._tables: dict[tuple[Normalizer, ...], dict[str, str]] = {}

    def find(self, id: str, normalizers: tuple[Normalizer, ...]) -> tuple[str, bool] | None:
        """The listed id that `id` stands for and whether it has the same price; None for a stranger.

        Normalizers apply one after another to both sides, so that the least shortened match wins.
        """
        for count in range(1, len(normalizers) + 1):
            steps = normalizers[:count]
            listed = self._table(steps).get(reduced(id, steps))
            if listed is not None:
                return listed, not (_priced_apart(id, steps) or _priced_apart(listed, steps))
        return None

    def _table(self, steps: tuple[Normalizer, ...]) -> dict[str, str]:
        table = self._tables.get(steps)
        if table is None:
            table = {}
            # shortest first: an undated id keeps its place before dated ones
            for id in sorted(self._ids, key=lambda id: (len(id), id)):
                table.setdefault(reduced(id, steps), id)
            self._tables[steps] = table
        return table
