"""What the tests of steps share."""

from __future__ import annotations

import pytest

from driving import Drive, drive_async, drive_sync


@pytest.fixture(params=[drive_sync, drive_async], ids=["sync", "async"])
def drive(request: pytest.FixtureRequest) -> Drive:
    """Run a pipeline by each of the two drivers."""
    driver: Drive = request.param
    return driver
