"""`stepwell jobs`: list, show and forget the jobs of a journal."""

from __future__ import annotations

import argparse
import shlex
import time
from collections.abc import Iterable, Sequence

from attrs import asdict

from ..journal.jobs import Jobs, JobSummary
from ..schemas.errors import ConfigError
from .printing import print_json, print_table, say


def run_jobs(arguments: argparse.Namespace) -> None:
    """List the jobs, or show or forget one. Raises ConfigError for an action without a job, and for an unknown one."""
    if arguments.action and not arguments.job:
        raise ConfigError(
            f"{arguments.action} needs the name of a job", hint=f"stepwell jobs PATH {arguments.action} JOB"
        )
    with Jobs(arguments.path) as found:
        job, listed = arguments.job, found.parts(arguments.job) if arguments.action else []
        part = _part(listed, arguments) if arguments.action else ""
        parts = listed if arguments.action == "show" and not part else []
        if arguments.action == "forget":
            count = found.forget(job, part or None)
            say(f"forgot {part} of {job}" if part else f"forgot {job} ({count} parts)")
        elif any(each.part for each in parts):
            _print_jobs(parts, "PART", json=arguments.json)
        elif arguments.action == "show":
            shown = found.show(job, part)
            if arguments.json:
                print_json([asdict(each) for each in shown])
            else:
                rows = [((each.place, each.kind, each.name[:24], each.result, f"{each.bytes:,}"), ()) for each in shown]
                print_table(("PLACE", "EFFECT", "NAME", "RESULT", "BYTES"), rows)
        else:
            _print_jobs(found, "JOB", json=arguments.json)


def _part(listed: Sequence[JobSummary], arguments: argparse.Namespace) -> str:
    """Return the name of the part that `--part` means; "" without one.

    A map names its parts by the item's key and a digest: `i3` is enough for `i3 8f14e45f`, or `3` for the key
    `3-8f14e45f` of an item that has only a number. To show a part, any beginning that no other part has is enough; to
    forget it, the whole key is needed.

    Raises ConfigError, with the command that lists them, for a job or a part that is not there, and for a name that
    fits several parts.
    """
    path, job, given = shlex.quote(arguments.path), arguments.job, arguments.part
    if not listed:
        raise ConfigError(f"there is no job {job!r:.80}", hint=f"stepwell jobs {path} lists all")
    names = [each.part for each in listed if each.part]
    hint = f"stepwell jobs {path} show {shlex.quote(job)} lists its parts"
    if not given or given in names:
        return str(given)
    found: list[str] = []
    for beginning in (f"{given} ", f"{given}-", given) if arguments.action == "show" else (f"{given} ",):
        found = found or [name for name in names if name.startswith(beginning)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise ConfigError(f"job {job!r:.80} has no part {given!r:.80}", hint=hint)
    raise ConfigError(f"{len(found)} parts of job {job!r:.80} begin with {given!r:.80}", hint=hint)


def _print_jobs(found: Iterable[JobSummary], head: str, *, json: bool) -> None:
    if json:
        print_json([_as_json(each) for each in found])
    else:
        print_table((head, "STATE", "PARTS", "REQUESTS", "COST", "BEGAN"), [(_cells(each), ()) for each in found])


def _cells(job: JobSummary) -> tuple[str, ...]:
    state = f"{job.state}: {job.error}" if job.error else job.state
    cost = "" if job.cost is None else f"${job.cost:.4f}"
    began = time.strftime("%Y-%m-%d %H:%M", time.localtime(job.began))
    return job.part or job.job, state, f"{job.parts:,}", f"{job.requests:,}", cost, began


def _as_json(job: JobSummary) -> dict[str, object]:
    return {**asdict(job), "cost": None if job.cost is None else str(job.cost)}
