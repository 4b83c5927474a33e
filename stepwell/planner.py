"""Find the provider, the model and the pipeline of a call, and make its request; shared by both clients."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import evolve

from .call_login import LOGIN_NAMES, CallLogin
from .model_metadata.catalog import CATALOG, Catalog
from .model_metadata.provider_ids import canonical
from .model_warnings import warning_of, warning_of_named_wire, warning_of_unused_steps, warning_of_wire
from .other_models import check_other_models, model_named
from .pipeline.annotate import completed_reply
from .pipeline.edits import NO_EDITS, PipelineEdits, edits_of
from .pipeline.effects import CallModel, Flow
from .pipeline.http.request import Headers, Request
from .pipeline.http.timeouts import Timeouts, timeouts_of
from .pipeline.inner_calls import DEPTH, nested
from .pipeline.pipeline import Pipeline
from .pipeline.steps.always_stream import COLLECTED
from .pipeline.steps.retry import RetryBudget
from .pipeline.stream.chunk_reader import ChunkReader
from .pipeline.world import REAL_WORLD, World
from .plan import Plan
from .provider_options import provider_options_for, without_foreign_options
from .providers.declare.assemble import build_pipeline
from .providers.declare.environment import Environment, process_environment, read_environment
from .providers.declare.login_steps import trusted_url
from .providers.declare.object_support import AS_GIVEN
from .providers.declare.overrides import OVERRIDES, Overrides, check_for_call, in_force
from .providers.declare.provider import Override, Provider, declared_model
from .providers.declare.registry import Registry
from .providers.declare.resolve import Resolved, listed_id, resolve_steps
from .providers.history.file_owners import input_for_others
from .providers.options.families import facts_of_family, needed_wire
from .schemas.errors import UnknownModel
from .schemas.memo import Memo
from .schemas.message import Context, Message, context_of
from .schemas.missing_argument import given_input, raise_if_alone
from .schemas.model import Model
from .schemas.options import CALL_OPTIONS, check_options, check_value
from .schemas.reply import CallWarning
from .schemas.tool import NAME, Tool
from .settings import (
    addresses_of,
    checked_registry,
    checked_url,
    credential_at,
    credential_of,
    headers_of,
    hide_credentials,
    keys_of,
    overrides_of,
    refused_job,
    retries_of,
)

if TYPE_CHECKING:
    from .options import Credential, ModelLike, PipelineLike, ToolLike

_NESTED_HINT = "a CallModel passes the step that yields it, too: let that step pass such a call on as it is"
_OTHER_MODEL_HINT = "other_pipeline(..., inside=name) leaves out the step itself, which is called again otherwise"
DEFAULT_MODEL = "local:smollm2"
_CALL_ONLY = frozenset(CALL_OPTIONS) - {"provider_options"} | {"tools"}


class CallPlanner:
    """A client's settings, and the plans and requests made from them.

    registry: the providers.
    catalog: the models.
    keys, base_urls: credentials and addresses by canonical provider id.
    timeouts, retries, headers: those of calls that give none.
    overrides: the client's own replacements of single steps.
    budget: what bounds retries over all calls.
    world: where calls take time, chance and ids from.
    `journal`: where calls with `job=` are recorded; set by a client that has one.
    """

    def __init__(
        self,
        *,
        api_keys: Mapping[str, Credential] | None,
        base_urls: Mapping[str, str] | None,
        timeout: Timeouts | float | None,
        retries: int,
        pipeline: PipelineLike | None,
        registry: Registry | None,
        catalog: Catalog | None,
        headers: Mapping[str, str] | None,
        env_file: str | os.PathLike[str] | None,
        world: World = REAL_WORLD,
    ) -> None:
        self.world = world
        self.journal: object = None
        self.registry = checked_registry(registry)
        self.catalog = catalog or CATALOG
        self.keys = keys_of(api_keys, self.registry)
        self.base_urls = addresses_of(base_urls, self.registry)
        self.timeouts = timeouts_of(timeout)
        self.retries = retries_of(retries)
        self.headers = headers_of(headers)
        self._environment = read_environment(env_file) if env_file is not None else None
        self.overrides = Overrides("client, ")
        self.budget = RetryBudget()
        self._edits = edits_of(pipeline)
        self._plans = Memo[Any, Plan](2000)  # model names made at run time must not fill the memory
        self._warned: set[CallWarning] = set()

    @property
    def environment(self) -> Environment:
        """The variables that this client's calls may use: the process's, and those of its env_file if it has one."""
        if self._environment is None:
            self._environment = process_environment()  # not earlier: the shared clients are made on import
        return self._environment

    @property
    def edits(self) -> PipelineEdits:
        """The edits made to the pipeline of every call."""
        return self._edits

    @edits.setter
    def edits(self, edits: PipelineLike | None) -> None:
        self._edits = edits_of(edits)
        self._plans.clear()

    def plan(
        self,
        operation: str,
        model: ModelLike,
        *,
        stream: bool = False,
        wire: str | None = None,
        overrides: Override | Sequence[Override] | None = None,
    ) -> Plan:
        """Return the plan for a model named `provider:model-id`, or given as a Model; None is the default model.
        With `overrides`, those of one call, it is made anew each time.

        Raises UnknownProvider, UnknownModel and NotSupported for what nobody serves, ConfigError for a declaration or
        an override that does not fit.
        """
        if overrides is not None:
            return self._make_plan(operation, model, stream, wire, overrides_of(overrides))
        changes = self.overrides.version, self.registry.version, getattr(self.catalog, "version", 0)
        key = model, operation, stream, wire, OVERRIDES.version, changes
        kept = isinstance(model, str) and isinstance(wire, str | None)
        plan = self._plans.get(key) if kept else None
        if plan is None:
            plan = self._make_plan(operation, model, stream, wire)
            if kept:
                self._plans.put(key, plan)
        return plan

    def _make_plan(
        self, operation: str, named: ModelLike, stream: bool, wire_name: str | None, of_call: Sequence[Override] = ()
    ) -> Plan:
        """Make the plan of a call: its model, provider and wire, and the pipeline of the steps in force."""
        model = (
            named
            if isinstance(named, Model)
            else model_named(self.default_model() if named is None else named, self.registry)
        )
        provider = self.registry.get_or_raise(model.provider)
        overrides = [*in_force(provider, model.id, OVERRIDES, self.overrides), *of_call]
        check_for_call(of_call, overrides, provider)
        if not isinstance(named, Model):
            model = self._listed(model, provider, overrides)
        if operation == "count_tokens" and wire_name is None:
            wire_name = provider.counting_wire(model)
            if wire_name is None:
                request = self._template(operation, model, stream, "")
                from .pipeline.steps.estimate import ESTIMATED_COUNT  # few calls count tokens

                return Plan(ESTIMATED_COUNT, ESTIMATED_COUNT, request, model, provider, "", AS_GIVEN)
        wire = provider.wire_for(operation, model, wire_name)
        listed = listed_id(provider, model.id, overrides)
        family = facts_of_family(listed, wire)
        resolve = partial(resolve_steps, provider, model, wire, overrides, stream=stream, family=family)
        build = partial(
            build_pipeline, provider, model, wire, stream=stream, budget=self.budget, environment=self.environment
        )
        steps = resolve()
        base_url = self.base_urls.get(canonical(provider.id)) or model.base_url
        if base_url is None:
            base_url = provider.address(self.environment)
            if provider.base_url_env and "${" not in base_url:
                checked_url(base_url, f"the address of {provider.id}, from {provider.base_url_env},")
        at_home = model.id != "*" and base_url in (provider.base_url, model.base_url)
        model_warning = warning_of_named_wire(model, wire, overrides)
        model_warning = model_warning or (warning_of_unused_steps(model, wire, steps) if stream else None)
        model_warning = model_warning or (warning_of(model, self.catalog) if at_home else None)
        request = self._template(operation, model, stream, base_url)
        other_wire, left = None, warning_of_wire(model, wire.name, overrides)
        if wire_name is None and not model.wire:
            trusted = trusted_url(provider, model, self.environment)
            other_wire = needed_wire(
                provider.wires, wire, provider.id, listed, lambda given: trusted(str(given or base_url))
            )

        def plan_of(steps: Resolved) -> Plan:
            bare = build(steps)
            support = steps["object_support"]
            pipeline = self._edits.apply(bare)
            check_other_models(pipeline, operation, self.registry)
            return Plan(pipeline, bare, request, model, provider, base_url, support, model_warning, other_wire, left)

        plan, conditions = plan_of(steps), steps.conditions
        return evolve(plan, conditions=conditions, build=lambda met: plan_of(resolve(met=met))) if conditions else plan

    def _template(self, operation: str, model: Model, stream: bool, base_url: str) -> Request:
        """Return a request with what all calls of a plan have in common; copying it takes a third of making another."""
        return Request(
            operation,
            model,
            stream=stream,
            base_url=base_url,
            headers=self.headers,
            retries=self.retries,
            timeouts=self.timeouts,
        )

    def _listed(self, model: Model, provider: Provider, overrides: Sequence[Override]) -> Model:
        """Return the catalog's entry for a model: under the id that normalize_model_id gives, or under its own."""
        listed = listed_id(provider, model.id, overrides)
        found = None if listed == model.id else self.catalog.find_exact(f"{model.provider}:{listed}")
        if found is not None:
            return evolve(found, id=model.id, facts={"listed_as": found.id, **found.facts})
        return self.catalog.find_exact(str(model)) or declared_model(provider, model.id, listed) or model

    def default_model(self) -> str:
        """Return the model that is called where none is named: `STEPWELL_MODEL`, else the local one."""
        return self.environment.get("STEPWELL_MODEL") or DEFAULT_MODEL

    def request(
        self, operation: str, model: ModelLike, prompt: object, options: Mapping[str, object], *, stream: bool = False
    ) -> tuple[Pipeline, Request]:
        """Return the pipeline and the request of one call.

        operation: chat, embed, rerank, ...
        model: `provider:model-id`, a Model, or None for the default one.
        prompt: what the operation takes: a prompt, texts, audio, ...
        options: a dict by name. It is changed in place, so that no frame's locals show a key to a crash reporter.
        stream: True for a streamed call.

        Raises ConfigError for what can be seen to be wrong before anything is sent.
        """
        given: Any = options  # `cast` would cost every call a frame
        if not given.keys().isdisjoint(("api_key", "base_url", "headers", "provider_options")):
            hide_credentials(given)
        named, overrides = given.get("wire"), given.get("overrides")
        try:
            plan = self.plan(operation, model, stream=stream, wire=named, overrides=overrides)
        except UnknownModel:
            raise_if_alone(model, prompt)
            raise
        left, find = None, plan.other_wire
        if find and (needed := find(given, given.get("tools") or getattr(prompt, "tools", None))):
            left = plan.left_overrides
            plan = self.plan(operation, model, stream=stream, wire=needed, overrides=overrides)
        request = plan.request.replace(
            context=context_of(prompt) if operation in _CONVERSATIONS else _NO_CONTEXT,
            input=None if operation in _CONVERSATIONS else given_input(prompt),
            options=given,
            credential=self.keys.get(canonical(plan.provider.id)),
            world=self.world,
            calls=[],
            attempts=[],
            started=self.world.now(),
            request_for_model=self.request_for_model,
        )
        if extra := given.get("provider_options"):
            check_value("provider_options", extra, CALL_OPTIONS["provider_options"].schema, where=str(plan.model))
            given["provider_options"] = provider_options_for(plan.provider, extra, self.registry)
        if plan.model_warning is not None and plan.model_warning not in self._warned:
            if len(self._warned) > 1000:
                self._warned.clear()  # as with plans: a warning issued twice is better than memory that grows
            self._warned.add(plan.model_warning)
            request = request.replace(warnings=(plan.model_warning,))
        if left is not None:
            request = request.replace(warnings=(*request.warnings, left))
        if not _CALL_ONLY.isdisjoint(given):
            return self._apply_call_options(plan, request, given)
        return (plan.for_request(request) if plan.conditions else plan).pipeline, request

    def _apply_call_options(self, plan: Plan, request: Request, options: dict[str, Any]) -> tuple[Pipeline, Request]:
        """Move the options that steer the call itself out of the request's `options` into fields of their own.

        The edits among them are applied to the pipeline.
        """
        if "api_key" in options:
            options["api_key"] = credential_of(options["api_key"], "api_key", plan.provider)
        given = {name: options[name] for name in _CALL_ONLY & options.keys() if options[name] is not None}
        own = given.pop("pipeline", None)
        login = CallLogin.of(plan.provider, plan.model, plan.base_url, given) if given.keys() & LOGIN_NAMES else None
        changes: dict[str, Any] = {}
        # Another model's pipeline has the steps of one that is passed, so that those outside of it are not run again.
        own_edits: Any = partial(Pipeline.with_steps_of, other=own) if isinstance(own, Pipeline) else own
        edits = NO_EDITS if own is None else edits_of(own_edits)
        if login is not None or edits is not NO_EDITS:
            changes["request_for_model"] = partial(self.request_for_model, edits=edits, login=login)
        tools = given.pop("tools", None)
        if given:
            check_options(given, CALL_OPTIONS, where=str(plan.model))
        if "job" in given:
            raise refused_job(self.journal)
        context = request.context
        if tools is not None:
            context = context.with_tools(*_tools(tools))
        if system := given.get("system"):
            context = Context((Message("system", system), *context.messages), context.tools)
        changes["context"] = context
        changes["options"] = {name: value for name, value in options.items() if name not in _CALL_ONLY}
        if "base_url" in given:
            url = checked_url(given["base_url"], "base_url")
            homes = None if canonical(plan.provider.id) in self.base_urls else self.environment
            changes |= {
                "base_url": url,
                "credential": credential_at(url, request.credential, plan.provider, plan.base_url, homes),
                "warnings": (),  # those of a model that is not in our list, which does not hold for another server
            }
        if "api_key" in given:
            changes["credential"] = given["api_key"]
        if "headers" in given:
            changes["headers"] = Headers(request.headers, **headers_of(given["headers"]))
        if "timeout" in given:
            changes["timeouts"] = timeouts_of(given["timeout"], self.timeouts)
        for name in ("retries", "on_unsupported"):
            if name in given:
                changes[name] = given[name]
        request = request.replace(**changes)
        pipeline = own
        if not isinstance(pipeline, Pipeline):
            plan = plan.for_request(request) if plan.conditions else plan
            if edits is NO_EDITS:
                return plan.pipeline, request
            pipeline = edits.apply(plan.pipeline)
        check_other_models(pipeline, request.operation, self.registry)
        return pipeline, request

    def flow_of(self, call: CallModel) -> Flow:
        """Return the flow of a whole call. It returns a Reply, or the ChunkReader of a streamed call."""
        pipeline, request = self.request(call.operation, call.model, call.input, dict(call.options), stream=call.stream)
        request = nested(request, call.depth, hint=_NESTED_HINT) if call.depth else request
        response = yield from pipeline.flow(request)
        return ChunkReader(response, request.context) if call.stream else completed_reply(response, request.context)

    def request_for_model(
        self,
        request: Request,
        model: ModelLike,
        options: Mapping[str, Any],
        *,
        edits: PipelineEdits = NO_EDITS,
        login: CallLogin | None = None,
    ) -> tuple[Pipeline, Request]:
        """Return the pipeline and the request of the same call to another model.

        request: the call as it was made.
        model: the other model.
        options: options that replace the call's own.
        edits: those that the call made to its pipeline.
        login: the key and the address that the call was given, which are passed on to models of the same provider only.
        """
        request = nested(request, request.get(DEPTH) + 1, hint=_OTHER_MODEL_HINT)
        # A stream that only the first provider insists on was not requested by the caller.
        stream = request.stream and not request.get(COLLECTED)
        settings = {"retries": request.retries, "timeout": request.timeouts, "on_unsupported": request.on_unsupported}
        given = {**settings, **request.given_options(), **options}
        if login is not None:
            plan = self.plan(request.operation, model, stream=stream, wire=given.get("wire"))
            given |= login.for_model(plan.provider, plan.model, plan.base_url, options, self.environment)
        pipeline, other = self.request(request.operation, model, input_for_others(request), given, stream=stream)
        if options.keys().isdisjoint(LOGIN_NAMES):  # else it has a login of its own to pass on
            other = other.replace(request_for_model=partial(self.request_for_model, edits=edits, login=login))
        other = other.replace(
            started=request.started,
            calls=request.calls,
            attempts=request.attempts,
            state=request.travelling(),
            warnings=(*request.warnings, *other.warnings),
        )
        return edits.apply(pipeline), without_foreign_options(other, request.model, options, self.registry)


_NO_CONTEXT, _CONVERSATIONS = Context(), ("chat", "count_tokens")


def _tools(given: Iterable[ToolLike]) -> Iterable[Tool]:
    """Return the tools of a call as Tools."""
    if isinstance(given, list | tuple) and {Tool} >= {*map(type, given)} and len({*map(NAME, given)}) == len(given):
        return given
    from .workflows.tools.define import tools_of  # reads signatures: only for those who pass functions

    return tools_of(given)
