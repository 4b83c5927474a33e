"""What every test may count on: the embedded model is installed."""

from __future__ import annotations

import pytest
from hypothesis import settings

from stepwell.providers.local import install

# How long an example takes is the machine's affair: a busy one must not fail a test.
settings.register_profile("stepwell", deadline=None)
settings.load_profile("stepwell")


@pytest.fixture(scope="session", autouse=True)
def local_model() -> None:
    """Fetched once into the user's cache; about ten seconds the first time."""
    install.install()
