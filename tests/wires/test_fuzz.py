"""Changed bytes: each parser and decoder makes something of them or raises a typed error, and the same in any pieces.

`make fuzz` searches for ten minutes, and measures time as the bytes grow.
"""

from __future__ import annotations

import fuzz
import pytest

from loopback import LONG


@pytest.mark.parametrize("seed", range(3))
def test_changed_streams_and_answers(seed: int) -> None:
    tried, found = fuzz.search(LONG, seed, most=400)
    assert not found and tried == 400
