"""What a client with a journal does where a call or a workflow has a `job=`."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from ..pipeline.drivers import drive
from ..pipeline.effects import CallModel, Flow
from ..pipeline.http.transport import AsyncTransport, Transport
from ..pipeline.journal.world import journalled_world
from ..pipeline.world import World
from ..schemas.errors import ConfigError
from ..settings import hide_credentials, refused_job
from .journal import Journal, checked_job, journal_at
from .streams import AsyncJobStream, JobStream, StreamedJob


class Planner(Protocol):
    """The part of CallPlanner that is needed here. A protocol, so that the chain of imports does not grow."""

    world: World
    journal: object

    def flow_of(self, call: CallModel) -> Flow: ...


def attach(planner: Planner, path: str | os.PathLike[str] | None, durable: str | None) -> None:
    """Give the calls of a planner a journal. Raises ConfigError for settings that cannot be used."""
    if path is None:
        raise ConfigError("durable= needs a journal", hint='Client(journal="work.sqlite", durable="power")')
    planner.journal = journal_at(path, durable)
    planner.world = journalled_world(planner.world)


def in_job(planner: Planner, flow: Flow | CallModel, job: object, part: object = "") -> Flow:
    """Return a flow around this one, or around a call, that is recorded as a part of a job."""
    return parts_of(planner, job)(flow, part)


def parts_of(planner: Planner, job: object) -> Callable[[Flow | CallModel, object], Flow]:
    """Return what returns a flow around another one, or around a call, that is recorded as a named part of a job."""
    run, flow_of = _journal(planner).run, planner.flow_of

    def recorded(flow: Flow | CallModel, part: object) -> Flow:
        name, its_part = checked_job(job, part)
        return run(name, flow, flow_of, part=its_part)

    return recorded


def call_in_job(planner: Planner, operation: str, model: object, input: object, options: Mapping[str, object]) -> Flow:
    """Return the flow of one call with `job=`."""
    call, job, part = _taken(operation, model, input, options, stream=False)
    return in_job(planner, call, job, part)


def stream_in_job(
    planner: Planner, operation: str, model: object, input: object, options: Mapping[str, object], transport: Transport
) -> JobStream:
    """Open the stream of a call with `job=`."""
    call, job, part = _taken(operation, model, input, options, stream=True)
    streamed = _streamed(planner, call, checked_job(job, part))
    reader = drive(streamed.opening(), transport.perform)
    return JobStream(streamed, reader, transport)


def astream_in_job(
    planner: Planner,
    operation: str,
    model: object,
    input: object,
    options: Mapping[str, object],
    connected: Callable[[], Awaitable[AsyncTransport]],
) -> AsyncJobStream:
    """Return the stream of a call with `job=`, which opens on first use."""
    call, job, part = _taken(operation, model, input, options, stream=True)
    name = checked_job(job, part)

    def begin() -> Flow:
        yield from _journal(planner).opening()
        return _streamed(planner, call, name)

    return AsyncJobStream(begin, connected)


def _taken(
    operation: str, model: object, input: object, options: Mapping[str, object], *, stream: bool
) -> tuple[CallModel, object, object]:
    """Return the effect of a call, and the name of its job and part, which are no options of the call itself."""
    hide_credentials(options)
    others = {name: value for name, value in options.items() if name not in ("job", "part")}
    return CallModel(model, input, others, operation, stream), options["job"], options.get("part", "")


def _streamed(planner: Planner, call: CallModel, name: tuple[str, str]) -> StreamedJob:
    journal = _journal(planner)
    flow = journal.begin(*name, planner.flow_of)
    return StreamedJob(flow, call, lambda: journal.release(flow))


def _journal(planner: Planner) -> Journal:
    if not isinstance(planner.journal, Journal):
        raise refused_job(None)
    return planner.journal
