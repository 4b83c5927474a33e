"""`stepwell jobs`: list, show and forget the jobs of a journal."""

from __future__ import annotations

import argparse
import time

from attrs import asdict

from ..journal.jobs import Jobs, JobSummary
from ..schemas.errors import ConfigError
from .printing import print_json, print_table, say


def run_jobs(arguments: argparse.Namespace) -> None:
    """List the jobs, or show or forget one. Raises ConfigError for an action without a job."""
    if arguments.action and not arguments.job:
        raise ConfigError(
            f"{arguments.action} needs the name of a job", hint=f"stepwell jobs PATH {arguments.action} JOB"
        )
    with Jobs(arguments.path) as found:
        if arguments.action == "forget":
            say(f"forgot {arguments.job} ({found.forget(arguments.job)} parts)")
        elif arguments.action == "show":
            shown = found.show(arguments.job, arguments.part)
            if arguments.json:
                print_json([asdict(each) for each in shown])
            else:
                rows = [((each.place, each.kind, each.name[:24], each.result, f"{each.bytes:,}"), ()) for each in shown]
                print_table(("PLACE", "EFFECT", "NAME", "RESULT", "BYTES"), rows)
        elif arguments.json:
            print_json([_as_json(each) for each in found])
        else:
            heads = ("JOB", "STATE", "PARTS", "REQUESTS", "COST", "BEGAN")
            print_table(heads, [(_cells(each), ()) for each in found])


def _cells(job: JobSummary) -> tuple[str, ...]:
    state = f"{job.state}: {job.error}" if job.error else job.state
    cost = "" if job.cost is None else f"${job.cost:.4f}"
    began = time.strftime("%Y-%m-%d %H:%M", time.localtime(job.began))
    return job.job, state, f"{job.parts:,}", f"{job.requests:,}", cost, began


def _as_json(job: JobSummary) -> dict[str, object]:
    return {**asdict(job), "cost": None if job.cost is None else str(job.cost)}
