"""The names of one provider: ours, and those of its row in models.dev."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

LISTED_AS: Mapping[str, str] = {
    "cloudflare": "cloudflare-workers-ai",
    "fireworks": "fireworks-ai",
    "moonshot": "moonshotai",
    "together": "togetherai",
}
"""The id of the row of a provider that has another name in this package."""


@lru_cache(1000)
def canonical(id: str) -> str:
    """Return the id that a provider is looked up by. Hyphens and underscores, small and capital letters are the same,
    and so are the names of a provider."""
    id = id.strip().lower().replace("-", "_")
    return _SYNONYMS.get(id, id)


_SYNONYMS = {**{row.replace("-", "_"): own for own, row in LISTED_AS.items()}, "zai_coder": "zai_coding_plan"}


def listed_as(id: str) -> str:
    """Return the id that the row of a provider has, if it has one."""
    id = canonical(id)
    return LISTED_AS.get(id, id.replace("_", "-"))
