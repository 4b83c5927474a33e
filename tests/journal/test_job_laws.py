"""What holds for any workflow that is killed at any of its records, and run again until it ends.

JOB_SEEDS="3 14" tries these workflows, killed at every record; by default a few of the records of a few workflows.
"""

from __future__ import annotations

import os

import pytest
from jobs import Story

SEEDS = [int(seed) for seed in os.environ.get("JOB_SEEDS", "").split()]
KILLS = 8


@pytest.mark.parametrize("chance", [False, True], ids=["decided", "with chance and races"])
def test_a_killed_job_ends_as_if_it_had_not_been_killed(chance: bool) -> None:
    for seed in SEEDS or range(5):
        story = Story(seed, chance=chance)
        wanted, records = story.run(), story.memory.writes
        for killed_at in range(1, records + 1, 1 if SEEDS else max(1, records // KILLS)):
            story = Story(seed, chance=chance)
            assert story.run(killed_at) is None
            in_flight = story.memory.in_flight()
            result = story.run(seed=killed_at)
            where = f"seed {seed}, killed at record {killed_at}"
            assert chance or result == wanted, where
            twice = sum(count - 1 for counts in (story.answered, story.ran) for count in counts.values() if count)
            assert twice <= in_flight, where
            asked, ran = story.asked.total(), story.ran.total()
            assert story.run(seed=killed_at + 1) == result, where
            assert (story.asked.total(), story.ran.total(), story.memory.writes) == (asked, ran, 0), where


def test_a_job_that_is_killed_again_and_again_ends() -> None:
    for seed in range(2):
        wanted = Story(seed, chance=False).run()
        story, runs = Story(seed, chance=False), 1
        while (result := story.run(12, seed=runs)) is None:
            runs += 1
        assert result == wanted, seed
