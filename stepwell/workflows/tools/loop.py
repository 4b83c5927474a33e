"""The tool loop: ask, run the tools that are called, send the results, ask again, until the model has answered.

Written once for sync and async, streamed or not: only how one answer is read differs.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from operator import attrgetter
from typing import Any, Literal

from attrs import field, fields, frozen

from ...events import span
from ...options import ModelLike, PromptLike, ToolLike, ToolLoopOptions
from ...pipeline.edits import edits_of
from ...pipeline.effects import CallModel, Emit, Flow
from ...pipeline.pipeline import Pipeline
from ...pipeline.tasks import gather
from ...pipeline.world import World
from ...planner import CallPlanner
from ...schemas.errors import ConfigError, StepLimit, StepwellError, ToolFailed
from ...schemas.message import Context, context_of, tool_result
from ...schemas.parts import ToolCall
from ...schemas.reply import PAUSE, WHOLE, CallWarning, Reply, all_warnings
from ...schemas.tool import NAME, Tool
from ...schemas.usage import total_usage
from ...settings import hide_credentials
from ..next_options import STORED, options_after
from ..stream_call import stream_call
from .call import Approve, ToolRun, approval_of, check_deps, denied_run, is_runnable, run_call
from .define import tools_of
from .react import react_tools

_MESSAGE = attrgetter("message")
_USAGE = attrgetter("usage")


class LoopOptions(ToolLoopOptions, total=False):
    """Options of a tool loop and of its calls, for functions that pass both on."""

    max_steps: int
    tool_timeout: float | None
    approve: Approve | None
    stop_when: Callable[[Reply], bool] | None
    on_tool_error: Literal["tell", "raise"]
    react: bool | None
    resume: bool
    deps: object


@frozen(kw_only=True)
class Loop:
    """The settings of a tool loop. Raises ConfigError for those that cannot be used."""

    max_steps: int = 8
    """Most answers to ask for."""
    tool_timeout: float | None = None
    """Seconds that a call may take, where its tool has no timeout of its own; None is no limit."""
    approve: Approve | None = None
    """Called before each call of a tool; returns True, False or the reason why not."""
    stop_when: Callable[[Reply], bool] | None = None
    """Called after each step's tools have run; True ends the loop there."""
    on_tool_error: Literal["tell", "raise"] = "tell"
    """What becomes of a tool's error: "tell" sends the error to the model, "raise" raises it."""
    react: bool | None = None
    """True forces plain-text tools, False forbids them; None is what the model needs."""
    resume: bool = False
    """True begins by running the calls at the end of the prompt that have no result."""
    deps: object = field(default=None, repr=False)
    """What the tools' parameters annotated with Deps get."""

    def __attrs_post_init__(self) -> None:
        if self.max_steps < 1:
            raise ConfigError("max_steps must be at least 1")
        if self.on_tool_error not in ("tell", "raise"):
            raise ConfigError(f"on_tool_error cannot be {self.on_tool_error!r}", hint="use 'tell' or 'raise'")
        if self.tool_timeout is not None and self.tool_timeout <= 0:
            raise ConfigError("tool_timeout must be more than 0 seconds")


LOOP_SETTINGS = frozenset(each.name for each in fields(Loop))


def loop(
    planner: CallPlanner,
    model: ModelLike,
    prompt: PromptLike,
    tools: Iterable[ToolLike],
    settings: Loop,
    options: Mapping[str, Any],
    *,
    stream: bool,
) -> Flow:
    """Run the loop of run_tools and stream_tools, and return the last Reply, with all the steps on it.

    settings: the loop's settings.
    options: those of each call.
    stream: True emits the chunks of each answer and a ToolRun for each call of a tool.
    """
    hide_credentials(options)
    offered = tools_of(tools)
    check_deps(offered, settings.deps)
    context = context_of(prompt)
    unanswered = _unanswered_calls(context)
    if unanswered and not settings.resume:
        raise ConfigError(
            "the prompt ends in tool calls without results, and they were not run",
            hint="append their results (stepwell.tool_result), or run them with resume=True if you trust their origin",
        )
    call_options = {**options, "tools": list(offered)}
    plan = planner.plan("chat", model, wire=options.get("wire"))
    if settings.react or (settings.react is None and plan.model.tools is False):
        pipeline = options.get("pipeline")
        edits = pipeline if isinstance(pipeline, Pipeline) else edits_of(pipeline)
        call_options["pipeline"] = edits.prepend(react_tools())
    return _loop(model, context, unanswered, offered, settings, call_options, stream, planner.world)


def _loop(
    model: ModelLike,
    context: Context,
    pending: tuple[ToolCall, ...],
    tools: tuple[Tool, ...],
    settings: Loop,
    options: Mapping[str, Any],
    stream: bool,
    world: World,
) -> Flow:
    steps: list[Reply] = []
    prompt = context
    with span("run_tools", model=str(model), tools=list(map(NAME, tools))) as work:
        while True:
            if len(steps) >= settings.max_steps:
                raise _step_limit(steps, prompt, context, settings)
            if pending:
                runs = yield from _run_all(pending, tools, settings, world)
                if steps:
                    steps[-1] = steps[-1].replace(metadata={**steps[-1].metadata, "tool_runs": tuple(runs)})
                if stream:
                    for run in runs:
                        yield Emit(run)
                context = context.append(*map(_MESSAGE, runs))
                if settings.on_tool_error == "raise":
                    _raise_tool_error(runs, steps, prompt, context)
                options = _next_options(options, steps)
            stop = settings.stop_when
            if steps and stop is not None and stop(_combined_reply(steps, prompt, context)):
                break
            reply = yield from _answer(model, context, options, stream, steps)
            steps.append(reply)
            context = context.append(reply.message) if reply.message.content else context
            pending = reply.message.tool_calls
            if pending and reply.finish_reason not in WHOLE | {PAUSE}:
                steps[-1] = reply.replace(warnings=(*reply.warnings, _not_run(reply)))
                context = context.append(*(tool_result(call, _UNRUN, is_error=True) for call in pending))
                break
            if not _runnable(pending, tools) if pending else reply.finish_reason != PAUSE:
                break
        work.note(steps=len(steps))
        return _combined_reply(steps, prompt, context)


def _answer(model: ModelLike, context: Context, options: Mapping[str, Any], stream: bool, steps: list[Reply]) -> Flow:
    try:
        if stream:
            return (yield from stream_call(model, context, options, iter))
        return (yield CallModel(model, context, options))
    except StepwellError as error:
        if steps:  # the error carries the steps before the call that failed
            error.usage = total_usage([*(step.usage for step in steps), error.usage])
            error.partial = error.partial or _combined_reply(steps, context, context)
        raise


def _run_all(
    calls: tuple[ToolCall, ...], tools: tuple[Tool, ...], settings: Loop, world: World
) -> Generator[Any, Any, list[ToolRun]]:
    """Ask for approval of each call in turn, then run all concurrently. Return the runs in the order of the calls."""
    runs: dict[int, ToolRun] = {}
    approved: list[int] = []
    for place, call in enumerate(calls):
        # A call that cannot be made needs no approval: the model gets to read what is wrong with it.
        approve = settings.approve
        answer = True if approve is None or not is_runnable(call, tools) else (yield approval_of(approve, call))
        if answer is True:
            approved.append(place)
        else:
            runs[place] = denied_run(call, answer)
    flows = [run_call(calls[place], tools, settings.tool_timeout, world, settings.deps) for place in approved]
    results: list[Any] = [(yield from flows[0])] if len(flows) == 1 else (yield from gather(flows))
    runs.update(zip(approved, results, strict=True))
    return list(map(runs.__getitem__, sorted(runs)))


def _unanswered_calls(context: Context) -> tuple[ToolCall, ...]:
    """Return the calls at the end of a conversation that have no result: an interrupted loop is resumed with them."""
    answered = set()
    for message in reversed(context.messages):
        if message.role != "tool":
            calls = message.tool_calls if message.role == "assistant" else ()
            return tuple([call for call in calls if call.id not in answered]) if calls else ()
        answered.add(message.tool_call_id or "")
    return ()


def _runnable(calls: tuple[ToolCall, ...], tools: tuple[Tool, ...]) -> bool:
    """Return whether the loop is to run these calls: not when one of them is for a tool without a function."""
    outside = {tool.name for tool in tools if tool.callback is None}
    return outside.isdisjoint(map(NAME, calls))


_UNRUN = "not run: the answer that held this call was cut short or refused"


def _not_run(reply: Reply) -> CallWarning:
    more = "; raise max_tokens" if reply.finish_reason == "length" else ""
    why = f"not run, since an answer that ended with {reply.finish_reason!r} may hold them cut short or refused{more}"
    return CallWarning("tool_calls", why, f"{reply.provider}:{reply.model}")


def _next_options(options: Mapping[str, Any], steps: list[Reply]) -> Mapping[str, Any]:
    """Return the options of the call after results. A tool_choice that forces a call holds for the first answer only:
    forced after each result, it would never end."""
    if options.get("tool_choice") not in (None, "auto", "none"):
        options = {name: value for name, value in options.items() if name != "tool_choice"}
    return options_after(steps[-1], options) if steps and STORED in options else options


def _combined_reply(steps: list[Reply], prompt: Context, context: Context) -> Reply:
    """Return the last answer, with every step's usage and warnings, and the whole conversation."""
    last = steps[-1]
    messages = context.messages
    place = next((at for at in reversed(range(len(messages))) if messages[at] is last.message), len(messages))
    return last.replace(
        usage=total_usage(list(map(_USAGE, steps))),
        warnings=all_warnings(steps),
        steps=tuple(steps),
        prompt=Context(messages[:place], prompt.tools),
        tool_messages=messages[place + 1 :],
    )


def _raise_tool_error(runs: list[ToolRun], steps: list[Reply], prompt: Context, context: Context) -> None:
    for run in runs:
        if run.error is not None:
            error = run.error if isinstance(run.error, ToolFailed) else ToolFailed(f"{run.content}", tool=run.call.name)
            error.hint = "all the runs are on .partial.steps[-1].metadata['tool_runs']"
            if steps:
                error.partial = _combined_reply(steps, prompt, context)
                error.usage = error.partial.usage
            raise error from (None if error is run.error else run.error)


def _step_limit(steps: list[Reply], prompt: Context, context: Context, settings: Loop) -> StepLimit:
    reply = _combined_reply(steps, prompt, context)
    return StepLimit(
        f"the model still calls tools after {settings.max_steps} steps",
        hint="raise max_steps, or go on from .partial.context with resume=True",
        partial=reply,
        usage=reply.usage,
        warnings=reply.warnings,
        provider=reply.provider,
        model=reply.model,
    )
