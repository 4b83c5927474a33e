"""Handing in a batch and reading its answers. Each of its calls runs through its own pipeline, and only the network in
the middle is another: what would have been sent goes into the batch, what comes out of it goes on from there."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from attrs import evolve, field, frozen

from ...pipeline.edits import edits_of
from ...pipeline.effects import Run
from ...pipeline.http.request import Request
from ...pipeline.offline import finish_offline, prepare_offline
from ...planner import CallPlanner, completed_reply
from ...recipe import Ask, Drive, Recipe
from ...schemas.batch import BatchInput, BatchItem, BatchLine, BatchState
from ...schemas.errors import (
    ConfigError,
    DecodeError,
    InvalidRequest,
    NotSupported,
    ProviderError,
    StepwellError,
    TotalTimeout,
)
from ...schemas.message import Context
from ...schemas.options import CALL_OPTIONS
from ...schemas.prices import BATCH
from ...schemas.reply import CallWarning, Reply

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_OF_THE_BATCH = frozenset(("metadata", "completion_window", "timeout_hours"))
_NOWHERE = Context()


@frozen
class BatchWork:
    """What a job must know to read its answers: the model, the prompts by id (none, where it was found again by its
    id), the options they were asked with, and those of the batch's own calls."""

    planner: CallPlanner
    model: Any
    prompts: Mapping[str, Any] = field(factory=dict, repr=False)
    options: Mapping[str, Any] = field(factory=dict, repr=False)

    def flow(self, prompt: Any) -> tuple[Any, Request]:
        """The flow of one call, without what the client puts around calls that are made now."""
        plan = self.planner.plan("chat", self.model, wire=self.options.get("wire"))
        pipeline = edits_of(self.options.get("pipeline")).apply(plan.bare)
        given = {**self.options, "pipeline": pipeline, "retries": 0}
        pipeline, request = self.planner.request("chat", self.model, prompt, given)
        return pipeline.flow(request), request

    def ask(self, operation: str, input: Any, **more: Any) -> Ask:
        """One of the batch's own calls, which only the options that steer calls are for."""
        steering = {name: self.options[name] for name in _STEERING & self.options.keys()}
        return Ask(operation, self.model, input, {**steering, **more})


_STEERING = frozenset(CALL_OPTIONS) - {"system", "wire", "provider_options", "pipeline"}


def submit(planner: CallPlanner, model: Any, prompts: Any, options: Any) -> Recipe:
    """Gives (Work, BatchState)."""
    own = {name: options.pop(name) for name in _OF_THE_BATCH & options.keys()}
    work = BatchWork(planner, model, _named(prompts), options)
    offered = _offered(planner, model)
    items, betas = [], set()
    for id, prompt in work.prompts.items():
        flow, request = work.flow(prompt)
        asked = yield Drive(prepare_offline(flow))
        if not isinstance(asked, Request):
            raise ConfigError(f"{id!r} was answered by a step, without the provider", hint="leave that step out")
        items.append(BatchItem(id, asked.url.removeprefix(request.base_url.rstrip("/")), asked.body))
        betas |= {(name, value) for name, value in asked.headers.items() if name.endswith("-beta")}
    given = BatchInput(tuple(items), planner.plan("chat", model).model.id)
    if "upload_batch" in offered:
        given = evolve(given, file=(yield work.ask("upload_batch", given)).id)
    headers = {**(options.get("headers") or {}), **_joined(betas)}
    reply = yield work.ask("create_batch", given, **own, **({"headers": headers} if headers else {}))
    return work, reply.object


def find(planner: CallPlanner, model: Any, id: str, options: Any) -> Recipe:
    """Gives (Work, BatchState) of a batch that was handed in before."""
    _offered(planner, model)
    work = BatchWork(planner, model, {}, options)
    return work, (yield from refresh(work, id))


def refresh(work: BatchWork, id: str) -> Recipe:
    return (yield work.ask("get_batch", id)).object


def cancel(work: BatchWork, id: str) -> Recipe:
    reply = yield work.ask("cancel_batch", id)
    # Some say nothing in answer, or nothing of the batch.
    return reply.object if reply.object.id == id else (yield from refresh(work, id))


def wait(work: BatchWork, id: str, poll: float, timeout: float | None) -> Recipe:
    """Ask how it is doing until it is over."""
    began = time.monotonic()
    while True:
        state: BatchState = yield from refresh(work, id)
        if state.over:
            return state
        if timeout is not None and time.monotonic() + poll > began + timeout:
            raise TotalTimeout(
                f"batch {id} is still {state.status} after {timeout:g} s", hint="it goes on; wait again, or cancel()"
            )
        yield _pause(poll)


def results(work: BatchWork, id: str) -> Recipe:
    """Every answer by its id: a Reply, or the error that it would have been."""
    state: BatchState = yield from refresh(work, id)
    if not state.over:
        raise ConfigError(
            f"batch {id} is {state.status}: {state.answered or 0} of {state.total or '?'} are answered", hint="wait()"
        )
    lines: dict[str, list[BatchLine]] = {}
    for place in state.results:
        reply = yield work.ask("batch_results", place)
        for line in reply.object:
            same = lines.setdefault(str(line.id), [])
            if line not in same:  # one answer in two files is one answer
                same.append(line)
    if not lines and state.status == "failed":
        raise InvalidRequest(f"batch {id} failed: {state.why or 'the provider does not say why'}")
    unasked = _unasked(work, lines)
    answers: dict[str, Reply | StepwellError] = {}
    for each in work.prompts or lines:
        nothing = BatchLine(each, why=f"the batch ended as {state.status} without it" + (unasked and f"; {unasked}"))
        answer = yield from _answer(work, lines.get(each) or [nothing])
        if unasked and isinstance(answer, Reply):
            answer.warnings = (*answer.warnings, CallWarning("batch", unasked, str(work.model)))
        answers[each] = answer
    return answers


_NAMED = 5


def _unasked(work: BatchWork, lines: Iterable[str]) -> str:
    """What there is to say of answers to ids that were not handed in; nothing can be said of a job found by its id."""
    unknown = [id for id in lines if id not in work.prompts] if work.prompts else []
    if not unknown:
        return ""
    shown = ", ".join(f"{id!r:.70}" for id in unknown[:_NAMED]) + (", ..." if len(unknown) > _NAMED else "")
    return f"{len(unknown)} answers came for ids that were not asked for: {shown}"


def _answer(work: BatchWork, lines: list[BatchLine]) -> Recipe:
    line = lines[0]
    if len(lines) > 1:
        return DecodeError(
            f"{len(lines)} different answers came for {line.id}",
            hint="see .payload for the first",
            payload=line.body,
        )
    if line.why:
        return ProviderError(f"{line.id} has no answer: {line.why}")
    # A job that was found again by its id knows no prompts: the answer is read all the same.
    flow, request = work.flow(work.prompts.get(line.id, "?"))
    try:
        response = yield Drive(finish_offline(flow, line.status, line.headers, line.body))
    except StepwellError as error:
        return error
    reply = completed_reply(response, request.context if work.prompts else _NOWHERE)
    reply.usage = evolve(reply.usage, service_tier=BATCH)
    return reply


def _named(prompts: Any) -> dict[str, Any]:
    """The prompts by id. Raises ConfigError for none, or for an id that not every provider takes."""
    if isinstance(prompts, str) or not isinstance(prompts, Mapping | Iterable):
        raise ConfigError("a batch wants several prompts", hint='a list, or a dict by ids: {"first": "Say hello."}')
    named = dict(prompts) if isinstance(prompts, Mapping) else {str(at): each for at, each in enumerate(prompts)}
    if not named:
        raise ConfigError("a batch without prompts")
    for id in named:
        if not isinstance(id, str) or not _ID.fullmatch(id):
            raise ConfigError(f"{id!r} cannot be an id in a batch", hint="letters, digits, - and _, at most 64")
    return named


def _offered(planner: CallPlanner, model: Any) -> set[str]:
    provider = planner.plan("chat", model).provider
    offered = {wire.operation for wire in provider.wires}
    if "create_batch" not in offered:
        raise NotSupported(
            f"{provider.id} has no batches that we know of", hint="openai, anthropic, google, groq and mistral have"
        )
    return offered


def _joined(betas: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The beta headers of all the calls, for the one that hands them in."""
    joined: dict[str, list[str]] = {}
    for name, value in sorted(betas):
        words = joined.setdefault(name, [])
        words += [word for word in value.split(",") if word not in words]
    return {name: ",".join(words) for name, words in joined.items()}


def _pause(seconds: float) -> Run:
    async def later() -> None:
        import anyio  # comes with httpx; sleeps on whichever event loop runs

        await anyio.sleep(seconds)

    return Run(partial(time.sleep, seconds), later)
