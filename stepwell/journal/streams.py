"""Streams of a job: the first chunks come from the journal where an earlier run has read the stream to its end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

from ..pipeline.drivers import adrive, drive
from ..pipeline.effects import CallModel, Flow
from ..pipeline.http.response import Response
from ..pipeline.http.transport import AsyncTransport, Transport
from ..pipeline.journal.flow import JobFlow
from ..pipeline.journal.world import CURRENT
from ..pipeline.stream.chunk_reader import ChunkReader
from ..pipeline.stream.stream import AsyncStream, Stream
from ..schemas.chunks import StreamChunk
from ..schemas.reply import Reply


@contextmanager
def _code_of(flow: JobFlow | None) -> Iterator[None]:
    """Have what the code within takes from the world recorded for a flow; None for code of no flow."""
    before, CURRENT.flow = CURRENT.flow, flow
    try:
        yield
    finally:
        CURRENT.flow = before


class StreamedJob:
    """A job that is one stream: it ends with the stream. One that is left early goes on in the next run.

    The stream is sent again then: no provider goes on where a connection was closed.

    flow: that of the job.
    call: what opens the stream.
    release: called once, when the job is over.
    """

    def __init__(self, flow: JobFlow, call: CallModel, release: Callable[[], None]) -> None:
        self.flow = flow
        self._call = call
        self._release = release

    def opening(self) -> Generator[Any, Any, ChunkReader]:
        """Open the stream, and return its reader."""
        try:
            reader: ChunkReader = yield from self.flow.perform(self._call)
            return reader
        except BaseException as error:
            try:
                if isinstance(error, Exception) and self.flow.job.failure is None:
                    self.flow.end(error)
            finally:
                self._release()
            raise

    def response_of(self, reader: ChunkReader) -> Response:
        """Return the response of a reader, which ends the job when it ends."""
        response: Any = reader.response
        opened: Response = response.on_end(self._ended)
        if opened.flow is not None:
            opened.flow = self._in_turns(opened.flow)
        return opened

    def _in_turns(self, flow: Flow) -> Flow:
        """Run the code of a step's own chunks as that of the job's flow, so that it is known which tasks it had seen.
        Its effects are performed by the reader."""
        run = self.flow
        step: Callable[[Any], Any] = flow.send
        value: Any = None
        try:
            while True:
                effect = run.go_on(step, value)
                try:
                    step, value = flow.send, (yield effect)
                except BaseException as error:
                    run.stopped = run.stopped or not isinstance(error, Exception)
                    step, value = flow.throw, error
        except StopIteration as stop:
            return stop.value
        finally:
            flow.close()

    def performed(self, perform: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Return a function that performs the effects of the stream."""

        def performed(effect: Any) -> Any:
            with _code_of(None):
                return drive(self.flow.perform(effect), perform)

        return performed

    def aperformed(self, perform: Callable[[Any], Awaitable[Any]]) -> Callable[[Any], Awaitable[Any]]:
        """Async version of `performed`."""

        async def performed(effect: Any) -> Any:
            with _code_of(None):
                return await adrive(self.flow.perform(effect), perform)

        return performed

    def _ended(self, reply: Reply | None, error: BaseException | None) -> None:
        """Record the end of the stream, if it was read to its end."""
        flow, job = self.flow, self.flow.job
        try:
            if flow.stopped or job.failure is not None:
                return
            if reply is not None and error is None:
                flow.close_streams([flow.path])
                flow.end(None, reply)
            elif isinstance(error, Exception):
                job.note_error(error, (*flow.path, 0))
                flow.end(error)
        finally:
            flow.stopped = True
            self._release()


class JobStream(Stream):
    """A Stream of a job. `reader` has opened it."""

    def __init__(self, job: StreamedJob, reader: ChunkReader, transport: Transport) -> None:
        response = job.response_of(reader)
        response.abandon = response.abandon or transport.abandon
        super().__init__(response, job.performed(transport.perform), reader.prompt)
        self._job = job

    def next_chunks(self) -> list[StreamChunk] | None:
        with _code_of(self._job.flow):
            return super().next_chunks()

    def close(self) -> None:
        with _code_of(self._job.flow):
            super().close()


class AsyncJobStream(AsyncStream):
    """Async version of JobStream.

    begin: makes the flow that begins the job.
    connected: returns the transport.
    """

    _job: StreamedJob | None = None

    def __init__(self, begin: Callable[[], Flow], connected: Callable[[], Awaitable[AsyncTransport]]) -> None:
        async def opening() -> tuple[Response, Callable[[Any], Awaitable[Any]]]:
            transport = await connected()
            job: StreamedJob = await adrive(begin(), transport.perform)
            self._job = job
            reader = await adrive(job.opening(), transport.perform)
            transport.note_loop()
            response = job.response_of(reader)
            response.abandon = response.abandon or transport.abandon
            self._prompt = reader.prompt
            return response, job.aperformed(transport.perform)

        super().__init__(opening)

    async def next_chunks(self) -> list[StreamChunk] | None:
        if self._job is None:
            return None
        with _code_of(self._job.flow):
            return await super().next_chunks()

    async def close(self) -> None:
        if self._job is not None:
            with _code_of(self._job.flow):
                await super().close()

    aclose = close
