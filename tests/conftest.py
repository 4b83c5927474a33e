"""What every test may count on: the embedded model is installed."""

from __future__ import annotations

import pytest

from stepwell.providers.local import install


@pytest.fixture(scope="session", autouse=True)
def local_model() -> None:
    """Fetched once into the user's cache; about ten seconds the first time."""
    install.install()
