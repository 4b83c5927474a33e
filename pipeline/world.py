"""Where time, chance, ids and the environment come from. Waiting and sending are effects, not part of it."""

from __future__ import annotations

import os
import random
import time
import uuid
from collections.abc import Callable, Mapping

from attrs import frozen


@frozen(eq=False)
class World:
    """What pipelines and workflows know about the world outside them. Each client has one, and so has each request.

    A step reads `request.world` in place of the modules `time`, `random`, `uuid` and `os`, so that the same step runs
    in a simulation (`stepwell.testing.SimulatedWorld`).
    """

    now: Callable[[], float] = time.monotonic
    """seconds on a clock that only goes forward; for differences"""
    time: Callable[[], float] = time.time
    """seconds since 1970"""
    random: Callable[[], float] = random.random
    """a number from 0 to 1"""
    new_id: Callable[[], str] = lambda: uuid.uuid4().hex
    """a new unique id of 32 hexadecimal digits"""
    environ: Mapping[str, str] = os.environ
    """the variables of the process"""


REAL_WORLD = World()
