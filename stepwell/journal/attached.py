"""What a client with a journal does where a call or a workflow has a `job=`."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from ..pipeline.drivers import drive
from ..pipeline.effects import AnyFlow, CallModel, Flow
from ..pipeline.http.transport import AsyncTransport, Transport
from ..pipeline.journal.world import journalled_world
from ..pipeline.tasks import performing
from ..planner import CallPlanner
from ..schemas.errors import ConfigError
from ..settings import hide_credentials, refused_job
from .journal import Journal, checked_job, journal_at
from .streams import AsyncJobStream, JobStream, StreamedJob


def attach(planner: CallPlanner, path: str | os.PathLike[str] | None, durable: str | None) -> None:
    """Give the calls of a planner a journal. Raises ConfigError for settings that cannot be used."""
    if path is None:
        raise ConfigError("durable= needs a journal", hint='Client(journal="work.sqlite", durable="power")')
    planner.journal = journal_at(path, durable)
    planner.world = journalled_world(planner.world)


def in_job(planner: CallPlanner, flow: AnyFlow, job: object, part: object = "") -> AnyFlow:
    """Return a flow around this one that is recorded as a part of a job."""
    name, its_part = checked_job(job, part)
    return cast(AnyFlow, _journal(planner).run(name, cast(Flow, flow), planner.flow_of, part=its_part))


def call_in_job(planner: CallPlanner, operation: str, model: Any, input: object, options: Mapping[str, object]) -> Flow:
    """Return the flow of one call with `job=`."""
    call, job, part = _taken(operation, model, input, options, stream=False)
    return in_job(planner, performing(call), job, part)


def stream_in_job(
    planner: CallPlanner, operation: str, model: Any, input: object, options: Mapping[str, object], transport: Transport
) -> JobStream:
    """Open the stream of a call with `job=`."""
    call, job, part = _taken(operation, model, input, options, stream=True)
    streamed = StreamedJob(_journal(planner), call, checked_job(job, part), planner.flow_of)
    reader = drive(streamed.opening(), transport.perform)
    reader.response.abandon = reader.response.abandon or transport.abandon
    return JobStream(streamed, reader, transport.perform)


def astream_in_job(
    planner: CallPlanner,
    operation: str,
    model: Any,
    input: object,
    options: Mapping[str, object],
    connected: Callable[[], Awaitable[AsyncTransport]],
) -> AsyncJobStream:
    """Return the stream of a call with `job=`, which opens on first use."""
    call, job, part = _taken(operation, model, input, options, stream=True)
    name = checked_job(job, part)
    return AsyncJobStream(lambda: StreamedJob(_journal(planner), call, name, planner.flow_of), connected)


def _taken(
    operation: str, model: Any, input: object, options: Mapping[str, object], *, stream: bool
) -> tuple[CallModel, object, object]:
    """Return the effect of a call, and the name of its job and part, which are no options of the call itself."""
    hide_credentials(options)
    others = {name: value for name, value in options.items() if name not in ("job", "part")}
    return CallModel(model, input, others, operation, stream), options["job"], options.get("part", "")


def _journal(planner: CallPlanner) -> Journal:
    if planner.journal is None:
        raise refused_job(None)
    return planner.journal
