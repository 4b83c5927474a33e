"""Check the arguments of `client.map`, and make the job."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from functools import partial
from hashlib import blake2b
from inspect import signature
from typing import TYPE_CHECKING, Any, Literal, cast

from attrs import frozen

from ...options import ModelLike
from ...pipeline.effects import CallModel, Flow
from ...planner import CallPlanner
from ...providers.declare.provider import names_of
from ...schemas.errors import ConfigError, InvalidOption, ObjectInvalid
from ...schemas.json_schema.write_value import plain_data
from ...schemas.json_text import SORT_KEYS, dumps
from ...schemas.message import Context
from ...schemas.nearest import misspelt
from ...schemas.options import CALL_OPTIONS, CHAT_OPTIONS
from ...schemas.reply import Reply
from ...schemas.tool import Tool, ToolLike
from ...settings import hide_credentials, refused_job
from ..objects.generate import generate, object_error, object_reply
from ..objects.modes import object_request
from ..objects.output_spec import OutputSpec
from ..tools.define import tools_of
from ..tools.loop import LOOP_SETTINGS, Loop, loop
from .batches import BatchQuestion, BatchRunner
from .inputs import Items
from .item_prompts import ItemPrompts, Prompt
from .job import Errors, MapJob, Order
from .keys import KeyOf, digest_or_none
from .progress import Progress, display_for
from .result import MapItem
from .results import ResultFile

if TYPE_CHECKING:
    from ...journal.journal import Journal

Mode = Literal["live", "batch", "auto"]
_CHOICES = {"errors": ("keep", "raise"), "order": ("kept", "as_done", "as done"), "mode": ("live", "batch", "auto")}
BATCH_HOURS = 24.0
"""Hours after which a batch is answered or has expired: OpenAI, Anthropic, Google, Groq and Mistral all name 24."""


def job_of(
    planner: CallPlanner,
    items: Items,
    *,
    model: ModelLike,
    prompt: Prompt,
    schema: object,
    tools: Iterable[ToolLike] | None,
    max_repairs: int,
    key: KeyOf,
    workers: int,
    out: str | os.PathLike[str] | None,
    retry_failed: bool,
    errors: Errors,
    order: Order,
    progress: Progress,
    mode: Mode,
    within: str | float,
    journal: str | os.PathLike[str] | None,
    options: Mapping[str, Any],
) -> MapJob:
    """Return the job of a map. The arguments are those of `client.map`. Raises ConfigError for unusable ones."""
    hide_credentials(options)
    for name, value in {"errors": errors, "order": order, "mode": mode}.items():
        if value not in _CHOICES[name]:
            raise ConfigError(f"{name}= cannot be {value!r:.40}", hint=f"use {' or '.join(map(repr, _CHOICES[name]))}")
    if type(workers) is not int or workers < 1:
        raise ConfigError(f"workers= cannot be {workers!r:.40}", hint="pass a whole number of 1 or more")
    path = None if out is None else os.fspath(out)
    source = os.fspath(items) if isinstance(items, str | os.PathLike) else None
    if source is not None and path is not None and os.path.realpath(source) == os.path.realpath(path):
        raise ConfigError("out= and the items are the same file", hint="give the results a file of their own")
    if retry_failed and path is None:
        raise ConfigError("retry_failed=True needs the results of the run before", hint="pass out=, as in that run")
    own = planner if journal is None else journalled_planner(planner, journal)
    if options.get("job") and own.journal is None:
        raise refused_job(None)
    others = {name: value for name, value in options.items() if name != "job"}
    question = Question.of(own, model, prompt, schema, tools, max_repairs, others)
    job = options.get("job") or (journal and f"map-{question.digest}")
    file = None if path is None else ResultFile(path, order == "kept", question.digest, retry_failed)
    pending = path is not None and os.path.exists(f"{path}.batches")
    if pending and mode == "live":
        raise ConfigError(
            f"{path}.batches has batches of a run before, which may be answered already",
            hint="mode='batch' fetches their answers; delete that file to ask about their items again",
        )
    batched, why = _choose_mode(mode, within, question, path, pending=pending)
    return MapJob(
        items,
        model=str(question.model),
        answer=answers_in_job(question, job, key is None) if job else question.answer,
        own_prompt=partial(_may_have_other_prompt, question),
        world=own.world,
        file=file,
        workers=workers,
        order=order,
        errors=errors,
        key=key,
        display=lambda: display_for(progress, planner.world.now),
        lead=BatchRunner(question.in_batches(), f"{path}.batches", question.digest) if batched else None,
        at_end=(lambda: None) if own is planner else partial(close_journal, own),
        mode="batch" if batched else "live",
        why=why,
    )


def journalled_planner(planner: CallPlanner, path: str | os.PathLike[str]) -> CallPlanner:
    """Return a planner with the settings of another, for jobs in the journal at a path."""
    from ...journal.attached import attach  # only for maps with a journal of their own

    own = copy(planner)
    attach(own, path, None)
    return own


def close_journal(planner: CallPlanner) -> None:
    """Close a planner's journal."""
    if planner.journal is not None:
        cast("Journal", planner.journal).close()


def answers_in_job(question: Question, job: str, digested: bool) -> Callable[[MapItem], Flow]:
    """Return what answers an item by a flow that is recorded in a part of a job, named by the item's key and digest.

    digested: whether the item's key ends with its digest.
    """
    from ...journal.attached import parts_of  # only for maps with a journal

    answer, in_part = question.answer, parts_of(question.planner, job)

    def answered(item: MapItem) -> Flow:
        digest = item.key.partition("-")[2] if digested else digest_or_none(item.value) or ""
        return in_part(answer(item), f"{item.key} {digest}")

    return answered


def _may_have_other_prompt(question: Question, item: MapItem) -> bool:
    """Check whether an item's prompt may have changed though the part of its job has the same name: a function may read
    a file that has changed, and an item without a digest is known by its key alone."""
    return question.prompts.are_made_by_a_function or digest_or_none(item.value) is None


def _choose_mode(
    mode: Mode, within: str | float, question: Question, path: str | None, *, pending: bool
) -> tuple[bool, str]:
    """Return whether to use batches, and for "auto" why. Raises ConfigError for "batch" if this map cannot be one."""
    hours = hours_of(within)
    if mode == "live":
        return False, ""
    plan = question.planner.plan("chat", question.model)
    prices = plan.model.prices
    factor = prices.batch_factor if prices is not None else None
    obstacles = {
        f"{plan.provider.id} has no batches": "create_batch" not in plan.provider.operations,
        "tools run between two calls": bool(question.tools),
        "a batch is noted beside out=": path is None,
    }
    why = next((why for why, holds in obstacles.items() if holds), "")
    if mode == "batch":
        if why:
            raise ConfigError(f"this map cannot be a batch: {why}", hint="mode='live', or 'auto'")
        return True, ""
    if pending:
        return True, "batches of an earlier run are under way"
    drawbacks = {
        f"a batch may take {BATCH_HOURS:g} hours": hours < BATCH_HOURS,
        "no price of a batch is known": factor is None,
        "a batch costs no less": factor is not None and factor >= 1,
    }
    why = why or next((why for why, holds in drawbacks.items() if holds), "")
    return (False, why) if why else (True, f"at {factor:g} of the price")


def hours_of(within: str | float) -> float:
    """Return a duration in hours. It is given as `24h`, `90m`, `2d` or a number of seconds, else raises ConfigError."""
    number, unit = (within[:-1], within[-1:]) if isinstance(within, str) else (within, "s")
    try:
        hours = float(number) * {"d": 24.0, "h": 1.0, "m": 1 / 60, "s": 1 / 3600}[unit]
    except (KeyError, ValueError, TypeError):
        hours = -1.0
    if not 0 < hours < float("inf"):
        raise ConfigError(f"within= cannot be {within!r:.40}", hint="write '24h', '90m', or a number of seconds")
    return hours


def _refuse_arguments(unknown: Iterable[str]) -> None:
    """Raise InvalidOption for an argument that another library has, or that is misspelt."""
    for name in sorted(unknown):
        from ...schemas.foreign_arguments import MAP  # only for a mistake

        meant = misspelt(name, signature(job_of).parameters.keys() - {"planner", "options"})
        if (hint := MAP.get(name) or (meant and f"did you mean {meant!r}?")) is not None:
            raise InvalidOption(f"a map has no argument {name!r}", hint=hint)


@frozen(eq=False)
class Question:
    """What is asked about each item: a call, an object or a tool loop."""

    planner: CallPlanner
    model: ModelLike
    prompts: ItemPrompts
    spec: OutputSpec | None
    max_repairs: int
    tools: tuple[Tool, ...]
    settings: Loop
    options: Mapping[str, Any]
    """The options of each call."""

    @classmethod
    def of(
        cls,
        planner: CallPlanner,
        model: ModelLike,
        prompt: Prompt,
        schema: object,
        tools: Iterable[ToolLike] | None,
        max_repairs: int,
        options: Mapping[str, Any],
    ) -> Question:
        """Check the arguments of `client.map`. Raises ConfigError for what is wrong with every item."""
        if schema is not None and tools is not None:
            raise ConfigError("map takes a schema or tools, not both", hint="give the tools alone, or the schema")
        named = model if model is not None else planner.default_model()
        plan = planner.plan("chat", named, wire=options.get("wire"), overrides=options.get("overrides"))
        _refuse_arguments(options.keys() - {*CHAT_OPTIONS, *CALL_OPTIONS, *LOOP_SETTINGS, *names_of(plan.provider)})
        return cls(
            planner,
            named,
            ItemPrompts.of(prompt),
            None if schema is None else OutputSpec.of(schema),
            max_repairs,
            () if tools is None else tuple(tools_of(tools)),
            Loop(**{name: options[name] for name in LOOP_SETTINGS & options.keys()}),
            {name: value for name, value in options.items() if name not in LOOP_SETTINGS},
        )

    def answer(self, item: MapItem) -> Flow | CallModel:
        """Return the flow, or the call, that answers an item with a Reply. Raises the errors of making its prompt."""
        prompt = self.prompts.prompt_for(item.value)
        if self.spec is None and not self.tools:
            return CallModel(self.model, prompt, self.options)
        if self.spec is not None:
            return generate(
                self.planner,
                self.model,
                prompt,
                self.spec,
                mode=None,
                max_repairs=self.max_repairs,
                name=None,
                description=None,
                options=self.options,
            )
        return loop(self.planner, self.model, prompt, self.tools, self.settings, self.options, stream=False)

    def in_batches(self) -> BatchQuestion:
        """Return the same question for batches: without repairs, which would be further calls."""
        spec, options = self.spec, self.options
        if spec is None:
            return BatchQuestion(self.planner, self.model, options, self.prompts.prompt_for, lambda reply: reply)
        plan = self.planner.plan("chat", self.model, wire=options.get("wire"), overrides=options.get("overrides"))
        shape = object_request(plan, spec, "?", options, None)

        def prompt_for(item: object) -> Context:
            return object_request(plan, spec, self.prompts.prompt_for(item), options, None).context

        def read(reply: Reply) -> Reply:
            try:
                value, repairs = spec.read(shape.text_of(reply), cut=reply.finish_reason == "length")
            except ObjectInvalid as invalid:
                raise object_error(invalid, reply, [reply]) from None
            return object_reply([reply], shape, value, repairs, Context())

        return BatchQuestion(self.planner, self.model, shape.options, prompt_for, read)

    @property
    def digest(self) -> str:
        """A digest of the model, prompt, system message, schema and tools, in hexadecimal.

        Of a function that makes prompts, only the name counts.
        """
        schema = None if self.spec is None else self.spec.schema
        system, tools = self.options.get("system"), [tool.name for tool in self.tools]
        asked = [str(self.model), self.prompts.content, system, schema, tools]
        return blake2b(dumps(asked, plain_data, SORT_KEYS), digest_size=4).hexdigest()
