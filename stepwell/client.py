"""What stands behind Client and AsyncClient: the settings that both take, and the connections of each.

The public methods are in api.py. What decides is in planner.py, what sends in pipeline/http/transport.py.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from inspect import signature
from typing import TYPE_CHECKING, Any, Never, Self
from weakref import WeakKeyDictionary, finalize, ref

from .connect import aconnect, checked_transport, connect
from .model_metadata.catalog import Catalog
from .pipeline.edits import PipelineEdits
from .pipeline.http.response import Response
from .pipeline.http.timeouts import Timeouts
from .pipeline.http.transport import AsyncTransport, Transport, adrive, drive
from .pipeline.pipeline import Pipeline
from .pipeline.stream.stream import AsyncStream, Stream
from .planner import CallPlanner, completed_reply
from .providers.declare.registry import Registry
from .providers.declare.wire import Wire
from .recipe import Recipe, acarry_out, carry_out
from .schemas.reply import Reply
from .schemas.undo import Undo
from .settings import checked_http, overridden, unknown_setting

if TYPE_CHECKING:
    from .options import ModelLike, PromptLike

Options = Any
"""The keyword arguments of a call: one of the TypedDicts of options.py. Its dict is changed in place, so that a plain
key does not stay behind in the locals of a frame."""


class ClientSettings:
    """The settings that both clients take."""

    _asynchronous = False

    def __init__(
        self,
        *,
        transport: Any = None,
        http: Any = None,
        api_keys: Mapping[str, Any] | None = None,
        base_urls: Mapping[str, str] | None = None,
        timeout: Timeouts | float | None = None,
        retries: int = 2,
        pipeline: Any = None,
        registry: Registry | None = None,
        catalog: Catalog | None = None,
        headers: Mapping[str, str] | None = None,
        env_file: str | os.PathLike[str] | None = None,
        **unknown: Never,
    ) -> None:
        """
        `transport` is "httpx", "http2" or, for async calls, "aiohttp" (see connect.py), or an httpx transport
        (httpx.MockTransport, say); `http` is a whole client with httpx's interface, which stays yours to close.
        `api_keys` and `base_urls` go by provider id; where you gave a base_url, no key from the environment is sent.
        `timeout` is seconds in all or Timeouts; `retries` how often a failed call is
        sent again. `pipeline` are steps put around every call, Edits, or a function from Pipeline to Pipeline.
        `env_file` is a file of variables (".env") that stand in for those which the process's environment lacks; none
        is read unless it is named, here or by STEPWELL_ENV_FILE. Raises ConfigError for what cannot be used.
        """
        if unknown:
            raise unknown_setting(unknown, signature(ClientSettings).parameters)
        self._planner = CallPlanner(
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
        self._transport = checked_transport(transport, asynchronous=self._asynchronous)
        self._http = checked_http(http, asynchronous=self._asynchronous)
        self._init_connections()

    def _init_connections(self) -> None:
        """Set up what holds the connections, none of which is opened before it is needed."""

    @property
    def pipeline(self) -> PipelineEdits:
        """What is done to the pipeline of every call: `client.pipeline = client.pipeline.before("retry", step)`."""
        return self._planner.edits

    @pipeline.setter
    def pipeline(self, edits: Any) -> None:
        self._planner.edits = edits

    @property
    def default_model(self) -> str:
        """The model that is meant where none is named: what STEPWELL_MODEL says, else the local one."""
        return self._planner.default_model()

    def pipeline_for(
        self, model: str | None = None, *, operation: str = "chat", stream: bool = False, wire: str | None = None
    ) -> Pipeline:
        """The pipeline that a call would run through; print its `describe()`, or pass an edited one as `pipeline=`."""
        return self._planner.plan(operation, model, stream=stream, wire=wire).pipeline

    def override(
        self, models: str, *, wire: str | Wire | None = None, operation: str | None = None, **steps: Any
    ) -> Undo:
        """Replace single steps for the models that match, in this client alone: `override("openai:gpt-5*", ...)`.

        `wire` and `operation` name what a wire's steps were written for, as for `stepwell.override`.
        It holds until the `undo()` of what is returned, or to the end of a `with` block around it.
        """
        planner = self._planner
        return overridden(planner.overrides, planner.registry, models, wire=wire, operation=operation, **steps)


class SyncCalls(ClientSettings):
    """Calls for which the caller's thread waits. Safe to share between threads; a forked child gets connections of its
    own."""

    _pid: int = 0
    _sender: Transport | None = None

    def _call(self, operation: str, model: ModelLike, input: object, options: Options) -> Reply[Any]:
        """Make one call and return its reply."""
        pipeline, request = self._planner.request(operation, model, input, options)
        return completed_reply(drive(pipeline.flow(request), self._perform()), request.context)

    def _stream(self, model: ModelLike, prompt: PromptLike, options: Options) -> Stream:
        """Open the stream of one call."""
        pipeline, request = self._planner.request("chat", model, prompt, options, stream=True)
        perform = self._perform()
        return Stream(drive(pipeline.flow(request), perform), perform, request.context)

    def _run(self, recipe: Recipe) -> Any:
        """Run work of several calls and return its result."""
        return carry_out(self, recipe)

    def close(self) -> None:
        """Close the connections, unless the HTTP client is yours. The client can still be used, with new ones."""
        sender, self._sender = self._sender, None
        if sender is not None and self._http is None and self._pid == os.getpid():
            sender.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _perform(self) -> Any:
        if self._sender is None or self._pid != os.getpid():
            with _LOCK:
                if self._sender is None or self._pid != os.getpid():
                    self._sender, self._pid = connect(self._transport, self._http), os.getpid()
                    if self._http is None and (self._transport is None or isinstance(self._transport, str)):
                        # Once neither client nor stream needs them, or the program ends, connections are closed.
                        finalize(self._sender, _close, self._sender.client, self._pid)
        return self._sender.perform


class AsyncCalls(ClientSettings):
    """Calls that are awaited, on asyncio or trio. One object serves several event loops, one after another or at
    once: each gets connections of its own, which are closed when the loop ends."""

    _asynchronous = True

    def _init_connections(self) -> None:
        self._senders: WeakKeyDictionary[Any, tuple[AsyncTransport, AsyncGenerator[None], list[Any]]] = (
            WeakKeyDictionary()
        )

    async def _call(self, operation: str, model: ModelLike, input: object, options: Options) -> Reply[Any]:
        """Make one call and return its reply."""
        pipeline, request = self._planner.request(operation, model, input, options)
        return completed_reply(await adrive(pipeline.flow(request), (await self._sender()).perform), request.context)

    def _stream(self, model: ModelLike, prompt: PromptLike, options: Options) -> AsyncStream:
        """Give the stream of one call, which opens when it is awaited, entered or iterated."""
        pipeline, request = self._planner.request("chat", model, prompt, options, stream=True)

        async def opening() -> tuple[Response, Any]:
            sender = await self._sender()
            return await adrive(pipeline.flow(request), sender.perform), sender.perform

        return AsyncStream(opening, request.context)

    async def _run(self, recipe: Recipe) -> Any:
        """Run work of several calls and return its result."""
        return await acarry_out(self, recipe)

    async def close(self) -> None:
        """Close this event loop's connections, unless the HTTP client is yours."""
        entry = self._senders.pop(_loop(), None)
        if entry is not None:
            _, lease, clients = entry
            # Not within the lease: a transport would take its end for an error of the caller's.
            while clients:
                await clients.pop().aclose()
            await lease.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _sender(self) -> AsyncTransport:
        loop = _loop()
        entry = self._senders.get(loop)
        if entry is None:
            sender = aconnect(self._transport, self._http, asyncio=hasattr(loop, "call_soon"))
            held: list[finalize[Any, Any]] = []
            clients = [sender.client] if self._http is None else []
            lease = _lease(ref(self._senders), loop, clients, held)
            entry = self._senders[loop] = (sender, lease, clients)
            # Started but never finished by us, it is closed by the loop itself on its way out, and closes the client.
            await lease.__anext__()
            # Held from outside, too, as long as client or stream needs it: in a circle of garbage the connections would
            # go with them, unclosed. What is let go here is closed by the loop as well.
            held.append(finalize(sender, _release, lease))
            held[0].atexit = False
        return entry[0]


async def _lease(
    senders: ref[Any], loop: Any, clients: list[Any], held: list[finalize[Any, Any]]
) -> AsyncGenerator[None]:
    """Close the `clients` at its end. Knows of the AsyncClient only what does not keep that alive."""
    try:
        yield
    finally:
        # What is kept for a loop refers to it, so that its key alone would never be let go.
        if (kept := senders()) is not None:
            kept.pop(loop, None)
        for each in held:
            each.detach()
        for client in clients:
            await client.aclose()


def _release(lease: Any) -> None:
    pass


_LOCK = threading.Lock()


def _close(client: Any, pid: int) -> None:
    if pid == os.getpid():  # a forked child must not close its parent's connections
        client.close()


def _loop() -> Any:
    """What stands for the event loop that runs: asyncio's, or trio's root task."""
    trio = sys.modules.get("trio")
    if trio is not None:
        with suppress(RuntimeError):
            return trio.lowlevel.current_root_task()
    import asyncio  # only where an event loop runs already

    return asyncio.get_running_loop()
