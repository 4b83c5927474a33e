"""How often a property is tried, in proportion to the profile that runs: `quick`, `default` or `full` (conftest.py)."""

from __future__ import annotations

from typing import Any

from hypothesis import settings


def tries(times: float, **more: Any) -> settings:
    """Try a property `times` as often as others: more where examples are cheap and the cases many."""
    return settings(max_examples=max(1, round(settings.default.max_examples * times)), **more)  # type: ignore[union-attr]
