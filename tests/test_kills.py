"""Nothing is corrupt, and nothing acknowledged is lost, where a process is killed. `make kill` kills fifty of each."""

from __future__ import annotations

import random

import kills
import pytest


@pytest.mark.usefixtures("new_process")
@pytest.mark.parametrize("name", kills.NAMES)
def test_a_process_that_is_killed_at_a_random_moment(name: str) -> None:
    acknowledged, found = kills.run(name, 4, random.Random(0))
    assert not found and acknowledged
