"""Submit a batch and read its answers.

Each of its calls runs through a pipeline of its own without a network: the request that it would send goes into the
batch, and the pipeline is resumed with the answer that comes out of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from math import inf
from typing import Any, TypeAlias, cast

from attrs import define, evolve, field, frozen

from ...options import ModelLike, PromptLike
from ...pipeline.annotate import completed_reply
from ...pipeline.edits import edits_of
from ...pipeline.effects import CallModel, Flow, Sleep, StepGenerator, in_thread
from ...pipeline.http.request import Request
from ...pipeline.http.urls import path_behind
from ...pipeline.offline import finish_offline, prepare_offline
from ...pipeline.pauses import PAUSE, Pauses
from ...pipeline.pipeline import Pipeline
from ...pipeline.steps.budget_batches import (
    give_back,
    ledgers_of,
    name_batch,
    reserve_batch,
    settle_batch,
    without_budgets,
)
from ...pipeline.steps.budget_ledger import Ledger
from ...pipeline.steps.shared import check_number
from ...plan import Plan
from ...planner import CallPlanner
from ...providers.declare.vendor_names import BATCH_OPTIONS
from ...schemas.batch import BatchInput, BatchItem, BatchLine, BatchState
from ...schemas.errors import (
    ConfigError,
    DecodeError,
    InvalidRequest,
    NotFound,
    NotSupported,
    ProviderError,
    StepwellError,
    TotalTimeout,
)
from ...schemas.json_text import trimmed
from ...schemas.message import Context
from ...schemas.missing_argument import refuse_missing
from ...schemas.options import CALL_OPTIONS
from ...schemas.prices import BATCH
from ...schemas.reply import CallWarning, Reply

Prompts: TypeAlias = Mapping[str, PromptLike] | Iterable[PromptLike]
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NO_CONTEXT = Context()


@frozen
class BatchWork:
    """The data with which a job reads its answers."""

    planner: CallPlanner
    model: ModelLike
    prompts: Mapping[str, PromptLike] = field(factory=dict, repr=False)
    """By id; none for a job that was found by its id."""
    options: Mapping[str, Any] = field(factory=dict, repr=False)
    """Those of all the prompts, and those of the batch's own calls."""
    _pipelines: dict[Plan, Pipeline] = field(factory=dict, init=False, repr=False, eq=False)

    def flow(self, prompt: PromptLike) -> tuple[StepGenerator, Request]:
        """Return the flow of one call, without the steps of the client that only real calls need."""
        wire, overrides = self.options.get("wire"), self.options.get("overrides")
        plan = self.planner.plan("chat", self.model, wire=wire, overrides=overrides)
        options = {**self.options, "pipeline": None, "retries": 0}
        _, request = self.planner.request("chat", self.model, prompt, options)
        fitting = plan.for_request(request)
        if (pipeline := self._pipelines.get(fitting)) is None:  # to make it takes most of a call's time
            kept = (step for step in plan.pipeline if step.in_batches)
            usual = fitting.bare.prepend(*kept)
            pipeline = without_budgets(edits_of(self.options.get("pipeline")).apply(usual))
            if len(self._pipelines) > _PIPELINES:
                self._pipelines.clear()
            self._pipelines[fitting] = pipeline
        return pipeline.flow(request), request

    def budgets(self) -> tuple[list[Ledger], Request]:
        """Return what the budgets keep that hold for the batch, and a request to ask their stores with."""
        plan = self.planner.plan("chat", self.model)
        pipeline = edits_of(self.options.get("pipeline")).apply(plan.pipeline)
        return ledgers_of(pipeline), plan.request.replace(world=self.planner.world)

    def fetch(self, operation: str, input: object) -> Flow:
        """Make a call about a submitted batch; return its reply. A batch that is unknown is no unknown model."""
        try:
            return (yield self.ask(operation, input))
        except NotFound as gone:
            gone.hint = "the batch or its file was deleted, or is of another account; check the id and the key"
            raise

    def ask(self, operation: str, input: object, **more: object) -> CallModel:
        """Return one of the batch's own calls, with those of the options that steer calls."""
        steering = {name: self.options[name] for name in _STEERING & self.options.keys()}
        return CallModel(self.model, input, {**steering, **more}, operation)


_STEERING = frozenset(CALL_OPTIONS) - {"system", "wire", "provider_options", "pipeline"}


def submit(planner: CallPlanner, model: ModelLike, prompts: Prompts, given: Mapping[str, object]) -> Flow:
    """Submit a batch; return (BatchWork, BatchState)."""
    refuse_missing(model, prompts)
    options = cast("dict[str, Any]", given)  # taken apart in place: see CallPlanner.request
    own = {name: options.pop(name) for name in BATCH_OPTIONS & options.keys()}
    batch = NewBatch(BatchWork(planner, model, _prompts_by_id(prompts), options), own)
    pauses = Pauses()
    for id, prompt in batch.work.prompts.items():
        size = batch.size
        yield from batch.add(id, prompt)
        if pauses.due(_WORK + batch.size - size):
            yield PAUSE
    return batch.work, (yield from batch.submit())


@define(eq=False)
class NewBatch:
    """A batch to which calls are added before it is submitted. Raises NotSupported for a provider without batches.

    work: the batch's options.
    own: those of the batch itself.
    """

    work: BatchWork
    own: Mapping[str, Any] = field(factory=dict)
    size: int = field(default=0, init=False)
    """Bytes of all the bodies."""
    _offered: frozenset[str] = field(init=False)
    _budgets: tuple[list[Ledger], Request] = field(init=False)
    _items: list[BatchItem] = field(factory=list, init=False)
    _betas: set[tuple[str, str]] = field(factory=set, init=False)
    _requests: dict[str, Request] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self._offered = _batch_operations(self.work.planner, self.work.model)
        self._budgets = self.work.budgets()

    def __len__(self) -> int:
        return len(self._items)

    def add(self, id: str, prompt: PromptLike) -> Flow:
        """Add a call. Raises what the call would raise before it is sent; the batch is then as before."""
        flow, request = self.work.flow(prompt)
        prepared = yield from prepare_offline(flow)
        if not isinstance(prepared, Request):
            raise ConfigError(
                f"call {id!r} of the batch was answered by a step (a FakeModel, or one of yours), and nothing was sent",
                hint="leave that step out; a test of batches needs a server or transport of its own",
            )
        path = path_behind(prepared.url, request.base_url)
        if self._budgets[0] or not self._requests:  # all that budgets estimate; without any, one stands for the batch
            self._requests[id] = prepared
        self._items.append(BatchItem(id, path, trimmed(prepared.body)))
        self._betas |= {(name, value) for name, value in prepared.headers.items() if name.endswith("-beta")}
        self.size += len(prepared.body)

    def submit(self) -> Flow:
        """Submit the batch; return its BatchState."""
        work, (ledgers, asking) = self.work, self._budgets
        input = BatchInput(tuple(self._items), work.planner.plan("chat", work.model).model.id)
        headers = {**(work.options.get("headers") or {}), **_join_betas(self._betas)}
        holds, sent = (yield from reserve_batch(ledgers, self._requests)), False
        try:
            if "upload_batch" in self._offered:
                input = evolve(input, file=(yield work.ask("upload_batch", input)).id)
            sent = True
            reply = yield work.ask("create_batch", input, **self.own, **({"headers": headers} if headers else {}))
        except BaseException as error:
            yield from give_back(holds, asking, error, sent=sent)
            raise
        yield from name_batch(holds, asking, reply.object.id)
        return reply.object


def find(planner: CallPlanner, model: ModelLike, id: str, options: Mapping[str, object]) -> Flow:
    """Find a batch that was submitted before; return (BatchWork, BatchState)."""
    refuse_missing(model, id)
    _batch_operations(planner, model)
    work = BatchWork(planner, model, {}, options)
    return work, (yield from refresh(work, id))


def refresh(work: BatchWork, id: str) -> Flow:
    """Request the batch's BatchState. One that failed as a whole costs nothing, so no budget reserves it any longer."""
    state: BatchState = (yield from work.fetch("get_batch", id)).object
    if state.status == "failed" and not state.results:
        yield from settle_batch(*work.budgets(), id, {})
    return state


def refresh_unless_failing(work: BatchWork, id: str, failed: list[StepwellError]) -> Flow:
    """Request the batch's BatchState; return None where that failed in a way that passes: the batch goes on meanwhile.

    failed: the failures in a row so far, which are collected here. Raises the last of _MOST_FAILURES.
    """
    try:
        state = yield from refresh(work, id)
    except StepwellError as error:
        failed.append(error)
        if not error.retryable or len(failed) >= _MOST_FAILURES:
            raise
        return None
    failed.clear()
    return state


def cancel(work: BatchWork, id: str) -> Flow:
    """Cancel the batch; return its BatchState."""
    reply = yield from work.fetch("cancel_batch", id)
    # Some answer with an empty body, or without the batch.
    return reply.object if reply.object.id == id else (yield from refresh(work, id))


def wait(work: BatchWork, id: str, poll: float, timeout: float | None) -> Flow:
    """Request the batch's state until it is over; return it. Raises TotalTimeout.

    Failures of requests that pass by themselves are waited out, _MOST_FAILURES in a row.

    poll: the seconds between two requests.
    timeout: the most seconds in all, at whose end it is requested once more; None for no limit.
    """
    check_number(poll, "poll", least=0)
    if timeout is not None:
        check_number(timeout, "timeout", least=0)
    now = work.planner.world.now
    began = now()
    failed: list[StepwellError] = []
    while True:
        state: BatchState | None = yield from refresh_unless_failing(work, id, failed)
        if state is not None and state.over:
            return state
        left = inf if timeout is None else began + timeout - now()
        if left <= 0:
            if state is None:
                raise failed.pop()
            raise TotalTimeout(
                f"batch {id} is still {state.status} after {timeout:g} s", hint="it goes on; wait again, or cancel()"
            )
        yield Sleep(min(poll, left))


def results(work: BatchWork, id: str) -> Flow:
    """Return every answer by its id: a Reply, or the error that a call would have raised."""
    state: BatchState = yield from refresh(work, id)
    if not state.over:
        raise ConfigError(
            f"batch {id} is {state.status}: {state.answered or 0} of {state.total or '?'} are answered", hint="wait()"
        )
    lines: dict[str, list[BatchLine]] = {}
    pauses = Pauses()
    for place in state.results:
        reply = yield from work.fetch("batch_results", place)
        yield in_thread(partial(_add_lines, lines, reply.object), recorded=False)
    ledgers, asking = work.budgets()
    if not lines and state.status == "failed":
        yield from settle_batch(ledgers, asking, id, {})
        raise InvalidRequest(f"batch {id} failed: {state.why or 'the provider gives no reason'}")
    unknown_ids = _unknown_ids_warning(work, lines) or _missing_warning(work, state, len(lines))
    answers: dict[str, Reply | StepwellError] = {}
    for each in work.prompts or lines:
        missing = BatchLine(
            each, why=f"the batch ended as {state.status} without it" + (unknown_ids and f"; {unknown_ids}")
        )
        answer = yield from _answer(work, lines.get(each) or [missing])
        if unknown_ids and isinstance(answer, Reply):
            answer.warnings = (*answer.warnings, CallWarning("batch", unknown_ids, str(work.model)))
        answers[each] = answer
        if pauses.due(_WORK + sum(len(line.body) for line in lines.get(each, ()))):
            yield PAUSE
    yield from settle_batch(ledgers, asking, id, answers)
    return answers


def _add_lines(lines: dict[str, list[BatchLine]], more: Iterable[BatchLine]) -> None:
    """Add the lines of a file to those of each id. One answer in two files is one answer."""
    for line in more:
        answers_of_id = lines.setdefault(str(line.id), [])
        if line not in answers_of_id:
            answers_of_id.append(line)


_MOST_FAILURES = 20
"""How many requests for a batch's state may fail in a row: ten minutes, at the usual pace."""
_PIPELINES = 100
_NAMED = 5
_WORK = 16_384
"""What a call of a batch takes beside its own bytes, in terms of Pauses."""


def _unknown_ids_warning(work: BatchWork, lines: Iterable[str]) -> str:
    """Warn of answers with ids that were not submitted. Return "" without any, and for a job found by its id."""
    unknown = [id for id in lines if id not in work.prompts] if work.prompts else []
    if not unknown:
        return ""
    shown = ", ".join(f"{id!r:.70}" for id in unknown[:_NAMED]) + (", ..." if len(unknown) > _NAMED else "")
    return f"{len(unknown)} answers have ids that were not submitted: {shown}"


def _missing_warning(work: BatchWork, state: BatchState, answers: int) -> str:
    """Return a warning that there are fewer answers than requests, for a job found by its id: the ids of its requests
    are not known. "" if none is missing."""
    few = not work.prompts and state.total is not None and answers < state.total
    return f"only {answers} of {state.total} requests have an answer" if few else ""


def _answer(work: BatchWork, lines: list[BatchLine]) -> Flow:
    line = lines[0]
    if len(lines) > 1:
        return DecodeError(
            f"{len(lines)} different answers came for {line.id}",
            hint="see .payload for the first",
            payload=line.body,
        )
    if line.why:
        return ProviderError(f"{line.id} has no answer: {line.why}")
    # A job that was found by its id has no prompts, which the reading of an answer does not need.
    flow, request = work.flow(work.prompts.get(line.id, "?"))
    try:
        response = yield from finish_offline(flow, line.status, line.headers, line.body)
    except StepwellError as error:
        return error
    reply = completed_reply(response, request.context if work.prompts else _NO_CONTEXT)
    reply.usage = evolve(reply.usage, service_tier=BATCH)
    return reply


def _prompts_by_id(prompts: Prompts) -> dict[str, PromptLike]:
    """Return the prompts by id. Raises ConfigError for none, or for an id that some providers do not accept."""
    if isinstance(prompts, str) or not isinstance(prompts, Mapping | Iterable):
        raise ConfigError("a batch needs several prompts", hint='a list, or a dict by ids: {"first": "Say hello."}')
    named = dict(prompts) if isinstance(prompts, Mapping) else {str(at): each for at, each in enumerate(prompts)}
    if not named:
        raise ConfigError("a batch without prompts")
    for id in named:
        if not isinstance(id, str) or not _ID.fullmatch(id):
            raise ConfigError(f"{id!r} cannot be an id in a batch", hint="letters, digits, - and _, at most 64")
    return named


def _batch_operations(planner: CallPlanner, model: ModelLike) -> frozenset[str]:
    """Return the operations of the model's provider. Raises NotSupported for one without batches."""
    provider = planner.plan("chat", model).provider
    if "create_batch" not in provider.operations:
        able = [each.id for each in planner.registry if "create_batch" in each.operations]
        raise NotSupported(f"{provider.id} has no batch API that stepwell knows", hint=f"these have: {', '.join(able)}")
    return provider.operations


def _join_betas(betas: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Join the beta headers of all the calls, for the call that submits them."""
    joined: dict[str, list[str]] = {}
    for name, value in sorted(betas):
        words = joined.setdefault(name, [])
        words += [word for word in value.split(",") if word not in words]
    return {name: ",".join(words) for name, words in joined.items()}
