"""Fixtures for tests of LLMs: each test runs sync and async."""

from __future__ import annotations

import pytest

from sync_and_async import Ask, ask_async, ask_sync


@pytest.fixture(params=[ask_sync, ask_async], ids=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Ask:
    chosen: Ask = request.param
    return chosen
