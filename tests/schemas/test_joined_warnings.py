"""Many warnings are joined as few are: each once, in their order, whatever else was joined to the same ones before."""

from __future__ import annotations

import copy
import gc
import pickle
import random
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

from stepwell.schemas.reply import CallWarning, Reply, joined_warnings

Warnings = tuple[CallWarning, ...]


def some(*numbers: int) -> Warnings:
    return tuple(CallWarning("s", str(number)) for number in numbers)


def plainly(first: Warnings, more: Warnings) -> Warnings:
    return (*first, *(each for each in more if each not in first))


@pytest.mark.parametrize("seed", range(20))
def test_every_order_of_joining_gives_what_comparing_all_would(seed: int) -> None:
    chance = random.Random(seed)
    known: list[tuple[Warnings, Warnings]] = [((), ())]
    for _ in range(200):
        found, plain = chance.choice(known[-5:] if chance.random() < 0.8 else known)
        more = some(*chance.sample(range(80), chance.randrange(6)))
        found, plain = joined_warnings(found, more), plainly(plain, more)
        assert found == plain and hash(found) == hash(plain)
        known.append((found, plain))


def test_threads_that_join_to_the_same_warnings_do_not_see_what_the_others_have_added() -> None:
    base = joined_warnings(some(*range(30)), some(30))

    def join(number: int) -> Warnings:
        found = base
        for at in range(50):
            found = joined_warnings(found, some(number * 1000 + at))
        return found

    with ThreadPoolExecutor(8) as pool:
        for number, found in enumerate(pool.map(join, range(1, 33)), 1):
            assert found == some(*range(31), *(number * 1000 + at for at in range(50)))
    assert base == some(*range(31))


def test_copies_of_many_warnings_are_plain_tuples() -> None:
    many = joined_warnings(some(*range(30)), some(40))
    for made in (copy.copy(many), copy.deepcopy(many), pickle.loads(pickle.dumps(many)), many[:], (*many,)):
        assert type(made) is tuple and made == many
    reply = pickle.loads(pickle.dumps(Reply(warnings=many)))
    assert reply.warnings == many and repr(many) == repr((*many,)) and isinstance(many, tuple)


def test_nothing_keeps_warnings_that_nobody_holds() -> None:
    mine = CallWarning("s", "mine")
    seen, many = weakref.ref(mine), joined_warnings(some(*range(30)), (mine,))
    assert len(many) == 31
    del mine, many
    gc.collect()
    assert seen() is None
