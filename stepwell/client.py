"""The base classes of Client and AsyncClient: their settings, and the few methods that all others use.

The public methods are in api.py, the planning of a call in planner.py, the sending in pipeline/http/transport.py.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from functools import partial
from inspect import signature
from typing import TYPE_CHECKING, Any, Generic, Literal, Never, Self, TypeVar, Unpack, cast

from .connections import AsyncConnections, Connections
from .model_metadata.catalog import Catalog
from .pipeline.annotate import completed_reply
from .pipeline.drivers import AsyncPerform, AsyncReading, Reading, Result, adrive, drive
from .pipeline.edits import PipelineEdits
from .pipeline.effects import AnyFlow, Flow, checked_flow
from .pipeline.event_loops import in_worker_thread
from .pipeline.http.response import Response
from .pipeline.http.timeouts import Timeouts
from .pipeline.pipeline import Pipeline
from .pipeline.stream.stream import AsyncStream, Stream
from .planner import CallPlanner
from .providers.declare.registry import Registry
from .providers.declare.steps import PlacedSteps
from .schemas.errors import ConfigError
from .schemas.foreign_names import Hinted
from .schemas.missing_argument import AbsentArgument, refuse_missing
from .schemas.reply import Reply
from .schemas.undo import Undo
from .settings import misplaced_setting, overridden, refused_job, unknown_setting

if TYPE_CHECKING:
    from .connect import AnyHTTPClient, AnyTransport
    from .journal.journal import Journal
    from .options import Credential, ModelLike, PipelineLike

ConnectionsType = TypeVar("ConnectionsType", Connections, AsyncConnections)


class ClientSettings(Hinted, Generic[ConnectionsType], hints="client"):
    """The settings that both clients take."""

    planner: CallPlanner
    """What makes a request of a call; for code that builds on a client."""
    connections: ConnectionsType

    def __init__(
        self,
        *misplaced: Never,
        transport: AnyTransport = None,
        http: AnyHTTPClient = None,
        max_connections: int | None = None,
        api_keys: Mapping[str, Credential] | None = None,
        base_urls: Mapping[str, str] | None = None,
        timeout: Timeouts | float | None = None,
        retries: int = 2,
        pipeline: PipelineLike | None = None,
        registry: Registry | None = None,
        catalog: Catalog | None = None,
        headers: Mapping[str, str] | None = None,
        env_file: str | os.PathLike[str] | None = None,
        journal: str | os.PathLike[str] | None = None,
        durable: Literal["power"] | None = None,
        **unknown: Never,
    ) -> None:
        """Set up a client. Nothing is connected before its first call.

        transport: "httpx" or "fast" (see connect.py), a FastTransport with settings, or a transport of httpx
            (httpx.MockTransport, say); None is "fast" where it is installed, else "httpx".
        http: a whole client with httpx's interface, which stays yours to close.
        max_connections: how many are open at once at most (default: 1,000). A call that finds none free for as long as
            the connect timeout raises PoolTimeout.
        api_keys: credentials by provider id; None reads them from the environment.
        base_urls: addresses by provider id. Keys from the environment are not sent to such an address.
        timeout: seconds in all, or Timeouts.
        retries: how often a failed call is sent again.
        pipeline: steps put around every call, PipelineEdits, or a function from Pipeline to Pipeline.
        registry: the providers; None is the process's registry.
        catalog: the models' facts and prices; None is the packaged catalog.
        headers: request headers to send with every call.
        env_file: a file of variables (".env"), used where the process's environment lacks the same variable. By
            default, the file that STEPWELL_ENV_FILE names, if any.
        journal: a file in which calls and workflows with `job=` are recorded, so that they go on after a kill; see
            docs/journal.md.
        durable: "power" has each record wait for the disk, for power cuts; without it, records survive the process.

        Raises ConfigError for anything that cannot be used.
        """
        if unknown or misplaced:
            known = signature(ClientSettings).parameters.keys() - {"unknown", "misplaced"}
            raise unknown_setting(unknown, known) if unknown else misplaced_setting(misplaced)
        self.planner = CallPlanner(
            api_keys=api_keys,
            base_urls=base_urls,
            timeout=timeout,
            retries=retries,
            pipeline=pipeline,
            registry=registry,
            catalog=catalog,
            headers=headers,
            env_file=env_file,
        )
        self._init_connections(transport, http, max_connections)
        self.connections.flow_of = self.planner.flow_of
        if journal is not None or durable is not None:
            from .journal.attached import attach  # only for clients with a journal

            attach(self.planner, journal, durable)

    def _init_connections(self, transport: AnyTransport, http: AnyHTTPClient, max_connections: int | None) -> None:
        raise NotImplementedError

    @classmethod
    def sharing(cls, planner: CallPlanner, connections: ConnectionsType) -> Self:
        """Make a client on the settings and the connections of another."""
        client = cls.__new__(cls)
        client.planner, client.connections = planner, connections
        connections.flow_of = planner.flow_of
        return client

    def __reduce__(self) -> Never:
        raise ConfigError(
            f"{type(self).__name__} objects cannot be pickled or copied: they hold keys and connections",
            hint="make one in each process; an LLM or an Embedder without a client of its own uses that of its process",
        )

    @property
    def journal(self) -> Journal | None:
        """The journal of jobs, if the client has one."""
        return cast("Journal | None", self.planner.journal)

    @property
    def pipeline(self) -> PipelineEdits:
        """The edits made to the pipeline of every call: `client.pipeline = client.pipeline.before("retry", step)`."""
        return self.planner.edits

    @pipeline.setter
    def pipeline(self, edits: PipelineLike | None) -> None:
        self.planner.edits = edits

    @property
    def default_model(self) -> str:
        """The model that is called where none is named: what STEPWELL_MODEL says, else the local one."""
        return self.planner.default_model()

    def pipeline_for(
        self, model: str | None = None, *, operation: str = "chat", stream: bool = False, wire: str | None = None
    ) -> Pipeline:
        """Return the pipeline that a call would run through.

        Print its `describe()`, or pass an edited one as `pipeline=`.

        model: `provider:model-id`; None is the default model.
        operation: what is called: chat, embed, rerank, ...
        stream: True for the pipeline of a streamed call.
        wire: the wire format, where the provider speaks several.
        """
        pipeline = self.planner.plan(operation, model, stream=stream, wire=wire).pipeline
        return pipeline.over(self.connections.describe())

    def in_job(self, flow: AnyFlow, job: str, part: str = "") -> AnyFlow:
        """Return a flow around this one that is recorded in the client's journal, as `part` of a job.

        Raises ConfigError without a journal, and for what is no name.
        """
        if self.planner.journal is None:
            raise refused_job(None)
        from .journal.attached import in_job  # only for clients with a journal

        return cast(AnyFlow, in_job(self.planner, cast(Flow, flow), job, part))

    def override(self, models: str, **steps: Unpack[PlacedSteps]) -> Undo:
        """Replace single steps for the models that match, in this client alone: `override("openai:gpt-5*", ...)`.

        `wire`, `operation`, `stream` and `when` say where they hold; see `stepwell.override`.
        It ends with `undo()` on the returned Undo, or at the end of a `with` block around that.
        """
        return overridden(self.planner.overrides, self.planner.registry, models, **steps)


class BaseClient(ClientSettings[Connections], hints="sync client"):
    """A client of sync calls without a method for each operation: what a Client is built on.

    Safe to share between threads; a forked child gets connections of its own.
    """

    def _init_connections(self, transport: AnyTransport, http: AnyHTTPClient, max_connections: int | None) -> None:
        self.connections = Connections(transport, http, max_connections)

    def make_call(self, operation: str, model: ModelLike, input: object, options: Mapping[str, object]) -> Reply[Any]:
        """Make one call and return its reply.

        options: the options of the call; a dict may be changed (see CallPlanner.request).
        """
        if self.planner.journal is not None and options.get("job") is not None:
            from .journal.attached import call_in_job

            refuse_missing(model, input)
            return drive(call_in_job(self.planner, operation, model, input, options), self.connections.open().perform)
        pipeline, request = self.planner.request(operation, model, input, options)
        return completed_reply(drive(pipeline.flow(request), self.connections.open().perform), request.context)

    def open_stream(self, operation: str, model: ModelLike, input: object, options: Mapping[str, object]) -> Stream:
        """Open the stream of one call."""
        if self.planner.journal is not None and options.get("job") is not None:
            from .journal.attached import stream_in_job

            refuse_missing(model, input)
            return stream_in_job(self.planner, operation, model, input, options, self.connections.open())
        pipeline, request = self.planner.request(operation, model, input, options, stream=True)
        transport = self.connections.open()
        response = drive(pipeline.flow(request), transport.perform)
        response.abandon = response.abandon or transport.abandon
        return Stream(response, transport.perform, request.context)

    def run_workflow(self, flow: Generator[Any, Any, Result], *, job: str | None = None, part: str = "") -> Result:
        """Run a flow of your own, which may make several calls, and return its result; see docs/workflows.md.

        Items that it emits are dropped.

        job: records it in the client's journal under this name, so that it goes on after a kill; see docs/journal.md.
        part: names one of several flows of the job.
        """
        flow = checked_flow(flow, "run_workflow")
        return drive(flow if job is None else self.in_job(flow, job, part), self.connections.open().perform)

    def read_workflow(
        self, flow: Generator[Any, Any, Result], *, job: str | None = None, part: str = ""
    ) -> Reading[Result]:
        """Return an iterator of the items that a flow of your own emits. The flow runs as they are read.

        job, part: as for run_workflow. A later run emits all items again.
        """
        flow = checked_flow(flow, "read_workflow")
        return Reading(flow if job is None else self.in_job(flow, job, part), self.connections.open().perform)

    def close(self) -> None:
        """Close the connections, unless the HTTP client is yours. The client can still be used, with new ones."""
        self.connections.close()
        if self.journal is not None:
            self.journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class BaseAsyncClient(ClientSettings[AsyncConnections], hints="async client"):
    """A client of calls that are awaited, on asyncio or trio: what an AsyncClient is built on.

    One object serves several event loops, one after another or at once: each gets connections of its own, which are
    closed when the loop ends.
    """

    _is_new = True
    """Whether it has made no call yet."""

    def _init_connections(self, transport: AnyTransport, http: AnyHTTPClient, max_connections: int | None) -> None:
        self.connections = AsyncConnections(transport, http, max_connections)

    async def make_call(
        self, operation: str, model: ModelLike, input: object, options: Mapping[str, object]
    ) -> Reply[Any]:
        """Make one call and return its reply.

        options: the options of the call; a dict may be changed (see CallPlanner.request).
        """
        if self.planner.journal is not None and options.get("job") is not None:
            from .journal.attached import call_in_job

            refuse_missing(model, input)
            flow = call_in_job(self.planner, operation, model, input, options)
            return await adrive(flow, (await self.connections.open()).perform)
        if self._is_new and not isinstance(input, AbsentArgument):
            plan = partial(self.planner.plan, operation, model, wire=cast(str | None, options.get("wire")))
            await in_worker_thread(plan)  # it loads the provider and the list of its models
            self._is_new = False
        pipeline, request = self.planner.request(operation, model, input, options)
        transport = await self.connections.open()
        return completed_reply(await adrive(pipeline.flow(request), transport.perform), request.context)

    def open_stream(
        self, operation: str, model: ModelLike, input: object, options: Mapping[str, object]
    ) -> AsyncStream:
        """Return the stream of one call, which opens when it is awaited, entered or iterated."""
        if self.planner.journal is not None and options.get("job") is not None:
            from .journal.attached import astream_in_job

            refuse_missing(model, input)
            return astream_in_job(self.planner, operation, model, input, options, self.connections.open)
        pipeline, request = self.planner.request(operation, model, input, options, stream=True)
        connections = self.connections

        async def opening() -> tuple[Response, AsyncPerform]:
            transport = await connections.open()
            response = await adrive(pipeline.flow(request), transport.perform)
            transport.note_loop()
            response.abandon = response.abandon or transport.abandon
            return response, transport.perform

        return AsyncStream(opening, request.context)

    async def run_workflow(
        self, flow: Generator[Any, Any, Result], *, job: str | None = None, part: str = ""
    ) -> Result:
        """Run a flow of your own, which may make several calls, and return its result; see docs/workflows.md.

        Items that it emits are dropped.

        job: records it in the client's journal under this name, so that it goes on after a kill; see docs/journal.md.
        part: names one of several flows of the job.
        """
        flow = checked_flow(flow, "run_workflow")
        perform = (await self.connections.open()).perform
        return await adrive(flow if job is None else self.in_job(flow, job, part), perform)

    def read_workflow(
        self, flow: Generator[Any, Any, Result], *, job: str | None = None, part: str = ""
    ) -> AsyncReading[Result]:
        """Return an async iterator of the items that a flow of your own emits. The flow runs as they are read.

        job, part: as for run_workflow. A later run emits all items again.
        """

        async def opening() -> AsyncPerform:
            return (await self.connections.open()).perform

        flow = checked_flow(flow, "read_workflow")
        return AsyncReading(flow if job is None else self.in_job(flow, job, part), opening)

    async def close(self) -> None:
        """Close this event loop's connections, unless the HTTP client is yours."""
        await self.connections.close()
        if self.journal is not None:
            self.journal.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
