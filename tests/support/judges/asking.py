"""What a judge is asked, in every way there is, and what came of it as one line of text."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from attrs import field, frozen

import stepwell
from stepwell import Reply, Timeouts
from stepwell.errors import ProviderError, StepwellError

from every_way import WAYS

BOTH, STREAMED, PLAIN = tuple(WAYS), ("streamed", "async streamed"), ("sync", "async")
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


@stepwell.tool
def weather(city: str) -> str:
    """Look up the weather in a city now."""
    return f"sunny in {city}"


@frozen
class Route:
    """A route of a judge: which model of ours is asked there, at what address, with what key and options."""

    judge: str
    name: str
    model: str
    base: str
    options: Mapping[str, Any] = field(factory=dict)
    key: Any = "k"
    retries: int = 3

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of a client for this route. A silence of a second is too long for a server on this machine."""
        provider = self.model.partition(":")[0]
        return {
            "api_keys": {provider: self.key},
            "base_urls": {provider: self.base},
            "retries": self.retries,
            "timeout": Timeouts(idle=1.0),
        }


@frozen
class Row:
    """One case of a route, made in one way: what the judge serves or finds, and what came of it here."""

    route: Route
    case: str
    way: str
    wanted: str
    ours: str
    found: str = ""
    """what the judge has against the client, as it names it"""

    @property
    def agrees(self) -> bool:
        return self.ours == self.wanted and not self.found


def line(reply: Any) -> str:
    """Write a reply as its text, calls and reason for its end: 'Hi.', weather({"city": "Oslo"}), stop."""
    if not isinstance(reply, Reply):
        return repr(reply)
    calls = [f"{call.name}({_arguments(call)})" for call in reply.tool_calls]
    return ", ".join([*([repr(reply.text)] if reply.text else []), *calls, str(reply.finish_reason)])


def _arguments(call: Any) -> str:
    return "unreadable" if call.error else json.dumps(call.arguments)


def end_of(ask: Callable[[], Any]) -> str:
    """Make a call and write its end: the reply's line, or the class of the error and its status."""
    try:
        return line(ask())
    except ProviderError as error:
        return f"{type(error).__name__} {error.status or ''}".strip()
    except StepwellError as error:
        return type(error).__name__
    except Exception as error:  # what is not ours is what is looked for
        return f"RAW {type(error).__name__}: {error}"[:120]


def text(route: Route, way: str, prompt: Any, **options: Any) -> str:
    """Ask for text in one of `every_way.WAYS`."""
    return end_of(lambda: WAYS[way](route.settings, route.model, prompt, **route.options, **options))


def an_object(route: Route, way: str, prompt: str) -> str:
    """Ask for an object of SCHEMA, in one of `every_way.WAYS`."""

    def ask() -> Any:
        with stepwell.Client(**route.settings) as client:
            if way == "streamed":
                return client.stream_object(route.model, prompt, SCHEMA, **route.options).reply().object
            return client.generate_object(route.model, prompt, SCHEMA, **route.options).object

    async def ask_async() -> Any:
        async with stepwell.AsyncClient(**route.settings) as client:
            if way == "async streamed":
                return (await client.stream_object(route.model, prompt, SCHEMA, **route.options).reply()).object
            return (await client.generate_object(route.model, prompt, SCHEMA, **route.options)).object

    return end_of(lambda: asyncio.run(ask_async()) if way.startswith("async") else ask())


def loop(route: Route, way: str, prompt: str) -> str:
    """Let the model call a tool and answer from its result; "streamed" by stream_tools."""

    def ask() -> Any:
        with stepwell.Client(**route.settings) as client:
            if way == "streamed":
                return client.stream_tools(route.model, prompt, [weather], **route.options).reply()
            return client.run_tools(route.model, prompt, [weather], **route.options)

    async def ask_async() -> Any:
        async with stepwell.AsyncClient(**route.settings) as client:
            if way == "async streamed":
                return await client.stream_tools(route.model, prompt, [weather], **route.options).reply()
            return await client.run_tools(route.model, prompt, [weather], **route.options)

    return end_of(lambda: asyncio.run(ask_async()) if way.startswith("async") else ask())


def operation(route: Route, way: str, name: str, *args: Any, read: Callable[[Any], str], **options: Any) -> str:
    """Call a method of the client that is no chat; `read` makes a line of what it returns."""

    def ask() -> Any:
        with stepwell.Client(**route.settings) as client:
            return Line(read(getattr(client, name)(*args, **options)))

    async def ask_async() -> Any:
        async with stepwell.AsyncClient(**route.settings) as client:
            return Line(read(await getattr(client, name)(*args, **options)))

    return end_of(lambda: asyncio.run(ask_async()) if way.startswith("async") else ask())


def batch(route: Route, way: str) -> str:
    """Submit a batch of two calls, wait for its end and write both texts."""
    calls = {"a": "hello", "b": "bye"}
    options = {**route.options, "max_tokens": 5}

    def read(results: Any) -> Line:
        return Line(", ".join(f"{id}: {getattr(each, 'text', each)!r}" for id, each in results.items()))

    def ask() -> Line:
        with stepwell.Client(**route.settings) as client:
            job = client.submit_batch(route.model, calls, **options)
            return read(job.wait(poll=0.5, timeout=30).results())

    async def ask_async() -> Line:
        async with stepwell.AsyncClient(**route.settings) as client:
            job = await client.submit_batch(route.model, calls, **options)
            return read(await (await job.wait(poll=0.5, timeout=30)).results())

    return end_of(lambda: asyncio.run(ask_async()) if way.startswith("async") else ask())


class Line(str):
    """A line that is written as it is."""

    __repr__ = str.__str__
