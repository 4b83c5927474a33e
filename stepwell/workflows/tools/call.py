"""Make one call of one tool: check the arguments, run the function, sync or async, and make its result sendable.

An error is a result, too: the model reads it, and may correct itself.
"""

from __future__ import annotations

import inspect
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextvars import copy_context
from copy import deepcopy
from typing import Any, ClassVar, Literal

from attrs import evolve, field, fields, frozen

from ...events import span
from ...pipeline.effects import Flow, Run
from ...pipeline.world import World
from ...schemas.deps import is_deps, type_of_deps
from ...schemas.errors import ConfigError, ObjectInvalid, ToolFailed
from ...schemas.functions import read_whole
from ...schemas.json_schema.root import without_nulls
from ...schemas.json_schema.signature import arguments_for, deps_of
from ...schemas.json_schema.usable import usable_schema
from ...schemas.json_schema.violation import Violation
from ...schemas.json_schema.write_value import plain_data, sendable
from ...schemas.message import Content, Message, tool_result
from ...schemas.parts import ToolCall
from ...schemas.tool import Tool

MAX_SHOWN = 10


@frozen
class ToolRun:
    """A call of a tool that was made."""

    type: ClassVar[Literal["tool_run"]] = "tool_run"
    call: ToolCall
    content: Content
    """What the model reads."""
    value: Any = None
    """What the function returned."""
    error: Exception | None = field(default=None, eq=repr)
    """What it raised; a ToolFailed for a timeout, or for arguments that do not fit."""
    elapsed: float = 0.0
    """seconds"""

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled. A value that cannot be is left out, and such an error replaced by its text."""
        from ...schemas.pickling import pickles  # only for those who pickle

        state = {each.name: getattr(self, each.name) for each in fields(ToolRun)}
        if not pickles(self.value):
            state["value"] = None
        if not pickles(self.error):
            state["error"] = ToolFailed(str(self.content).removeprefix("Error: "), tool=self.call.name)
        return state

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)

    def __deepcopy__(self, memo: dict[int, Any]) -> ToolRun:
        """Return a copy with the same value and error, which may be of a kind that cannot be copied."""
        return evolve(self, call=deepcopy(self.call, memo), content=deepcopy(self.content, memo))

    @property
    def is_error(self) -> bool:
        """Whether the call failed."""
        return self.error is not None

    @property
    def message(self) -> Message:
        """The result as a message to the model."""
        return tool_result(self.call, self.content, is_error=self.error is not None)


def prepare_call(call: ToolCall, tools: Sequence[Tool]) -> tuple[Tool, dict[str, Any]]:
    """Return the tool of a call and its arguments, in the types of its function.

    Raises ToolFailed, with a message for the model, for an unknown tool or arguments that do not fit.
    """
    for tool in tools:
        if tool.name == call.name:
            break
    else:
        names = ", ".join(each.name for each in tools)
        raise ToolFailed(f"there is no tool {call.name[:80]!r}; there are: {names}", tool=call.name)
    values = call.arguments
    if values is None:
        raise ToolFailed(f"{call.error}", tool=tool.name)
    if tool.callback is None:
        raise ToolFailed("this tool has no function to run", tool=tool.name)
    parameters = usable_schema(dict(tool.parameters))
    try:
        try:
            function, arguments = arguments_for(tool.callback, values, parameters)
        except ObjectInvalid:
            # A null may stand for an absent argument, as vendors that enforce a schema want it.
            if (plain := without_nulls(values, parameters)) == values:
                raise
            function, arguments = arguments_for(tool.callback, plain, parameters)
    except ObjectInvalid as error:
        raise _unfit_arguments(error.violations, tool) from None
    return (tool if function is tool.callback else evolve(tool, callback=function)), arguments


def _unfit_arguments(violations: Sequence[Violation], tool: Tool) -> ToolFailed:
    rows = "; ".join(map(str, violations[:MAX_SHOWN]))
    return ToolFailed(f"the arguments do not fit: {rows}", tool=tool.name)


def is_runnable(call: ToolCall, tools: Sequence[Tool]) -> bool:
    """Return whether there is such a tool and the arguments fit it."""
    try:
        prepare_call(call, tools)
    except ToolFailed:
        return False
    return True


def check_deps(tools: Sequence[Tool], deps: object) -> None:
    """Raise ConfigError for a tool with a parameter annotated with Deps that the `deps=` of a call cannot fill."""
    for tool in tools:
        for name, parameter in deps_of(tool.callback).items() if tool.callback else ():
            (kind,) = type_of_deps(parameter.type) or (Any,)
            wanted = getattr(kind, "__name__", str(kind))
            if deps is None and parameter.required:
                raise ConfigError(
                    f"the tool {tool.name!r} takes {name}: Deps[{wanted}], and the call has no deps=",
                    hint="pass run_tools(..., deps=...)",
                )
            if deps is not None and not is_deps(deps, kind):
                raise ConfigError(
                    f"the tool {tool.name!r} takes {name}: Deps[{wanted}], and deps= is a {type(deps).__name__}",
                    hint="all tools of a call get the same object: one that holds what each of them needs",
                )


def run_call(call: ToolCall, tools: Sequence[Tool], timeout: float | None, world: World, deps: object = None) -> Flow:
    """Make the call. Return a ToolRun, also for an error.

    call: the call.
    tools: the tools that it may be for.
    timeout: seconds that it may take, where its tool has no timeout of its own.
    world: where its time is taken from.
    deps: what the parameters annotated with Deps get.
    """
    began = world.now()
    try:
        with span("tool", name=call.name):
            tool, arguments = prepare_call(call, tools)
            if deps is not None and tool.callback is not None:
                arguments.update(dict.fromkeys(deps_of(tool.callback), deps))
            limit = tool.timeout or timeout
            value = yield Run(
                lambda: _call_within(tool, arguments, limit),
                lambda: _acall_tool(tool, arguments, limit),
                recorded=lambda value: _as_data(value, call.name),
                name=f"tool {call.name}",
            )
            return ToolRun(call, sendable(value, call.name), value, None, world.now() - began)
    except Exception as error:
        return _failed_run(call, error, world.now() - began)


def _call_within(tool: Tool, arguments: dict[str, Any], timeout: float | None) -> Any:
    if timeout is None:
        return _call_tool(tool, arguments)
    return _in_thread(lambda: _call_tool(tool, arguments), timeout, tool)


def _call_tool(tool: Tool, arguments: dict[str, Any]) -> Any:
    """Return the function's result, awaited on an event loop of its own where it is a coroutine."""
    value = tool(**arguments)
    if not inspect.isawaitable(value) and not isinstance(value, AsyncIterator):
        return read_whole(value)

    async def main() -> Any:
        return await _await_result(_finished(value), tool)

    import asyncio  # only for async tools in synchronous code

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(main())
    # A loop runs in this thread already (a notebook): the coroutine gets a thread, and a loop, of its own.
    return _in_thread(lambda: asyncio.run(main()), None, tool)


async def _finished(value: object) -> Any:
    """Return the result of a coroutine, and the items of an async generator as a list."""
    result = await value if isinstance(value, Awaitable) else value
    return [item async for item in result] if isinstance(result, AsyncIterator) else result


def _in_thread(function: Callable[[], Any], timeout: float | None, tool: Tool) -> Any:
    """Return the function's result within `timeout` seconds.

    Python cannot stop a thread: a late function runs on by itself, and its result is thrown away.
    """
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append((function(), None))
        except BaseException as error:
            outcome.append((None, error))

    thread = threading.Thread(target=copy_context().run, args=(run,), name=f"stepwell-{tool.name}", daemon=True)
    thread.start()
    thread.join(timeout)
    if not outcome:
        raise _late(tool, timeout or 0)
    value, error = outcome[0]
    if error is not None:
        raise error
    return value


async def _acall_tool(tool: Tool, arguments: dict[str, Any], timeout: float | None) -> Any:
    """Return the function's result in async code. A late coroutine is cancelled, a late function runs on by itself."""
    import anyio  # comes with httpx; runs on whichever event loop there is
    import anyio.to_thread

    def call() -> Any:
        return read_whole(tool(**arguments))

    async def run() -> Any:
        if inspect.iscoroutinefunction(inspect.unwrap(tool.callback or tool)):
            value = await tool(**arguments)
        else:
            value = await anyio.to_thread.run_sync(call, abandon_on_cancel=True)
        return await _finished(value)

    if timeout is None:
        return await _await_result(run(), tool)
    with anyio.move_on_after(timeout) as scope:
        return await _await_result(run(), tool)
    if scope.cancelled_caught:
        raise _late(tool, timeout)
    return None


async def _await_result(value: Awaitable[Any], tool: Tool) -> Any:
    """Await a result. A tool that waited for a task that was cancelled has failed.

    The tool loop itself is cancelled only when this task is. (Under trio a cancellation is always the task's own.)
    """
    asyncio = sys.modules.get("asyncio")  # never to be imported for trio
    try:
        return await value
    except BaseException as error:
        if asyncio is None or not isinstance(error, asyncio.CancelledError):
            raise
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise ToolFailed("what it waited for was cancelled", tool=tool.name) from error


def _late(tool: Tool, timeout: float) -> ToolFailed:
    return ToolFailed(f"it took longer than {timeout:g} seconds", tool=tool.name)


def _failed_run(call: ToolCall, error: Exception, elapsed: float) -> ToolRun:
    text = error.message if isinstance(error, ToolFailed) else f"{type(error).__name__}: {_text_of(error)}"
    return ToolRun(call, f"Error: {text}", None, error, elapsed)


def _text_of(error: Exception) -> str:
    try:
        return str(error)
    except Exception:  # a faulty __str__ of the tool's own must not hide that the tool failed
        return "(its __str__ failed)"


def _as_data(value: object, tool: str) -> Any:
    """Return a tool's result as the plain data of which `sendable` makes the same. Raises ToolFailed as that does."""
    content = sendable(value, tool)
    return plain_data(value) if type(content) is str and not isinstance(value, str) else content


Approve = Callable[[ToolCall], bool | str | Awaitable[bool | str]]


def approval_of(approve: Approve, call: ToolCall) -> Run:
    """Return the effect that asks whether a call may be made; it gives True, False or the reason why not."""

    def ask() -> Any:
        answer = approve(call)
        if inspect.isawaitable(answer):
            if inspect.iscoroutine(answer):
                answer.close()
            raise ConfigError("an async approve= needs the async functions", hint="use arun_tools")
        return answer

    async def aask() -> Any:
        answer = approve(call)
        return await answer if inspect.isawaitable(answer) else answer

    return Run(ask, aask, name=f"approval of {call.name}")


def denied_run(call: ToolCall, answer: object) -> ToolRun:
    """Return the run of a call that was not approved, with the reason where one was given."""
    why = answer if isinstance(answer, str) and answer else "the user did not approve this call"
    return ToolRun(call, f"Error: {why}", None, ToolFailed(why, tool=call.name))
