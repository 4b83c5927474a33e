"""Provider declarations: wires, base URL, authentication, option rules and overrides."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MethodType
from typing import Any, Unpack

from attrs import evolve, field, frozen

from ...model_metadata.checks import checked_row
from ...model_metadata.rows import as_row, model_of
from ...pipeline.http.request import Request
from ...pipeline.pipeline import Pipeline
from ...schemas.errors import InvalidOption, NotSupported
from ...schemas.json_types import JSONSchema
from ...schemas.model import Model
from ...schemas.nearest import nearest
from ...schemas.options import Option
from ..auth.auth import Auth, HeaderKey
from .addresses import configured_url, is_at, origin, variables
from .constraints import Constraints, checked_constraints
from .credentials import FREE, Credentials, one_key, several_keys
from .declared_fields import check_fields, texts
from .embed_limits import EmbedLimit
from .environment import PROCESS, Environment, variable_names
from .extending import base_of
from .option_names import check_names, checked_models, unknown_field
from .patterns import matching
from .place import EVERYWHERE, Place, When, place_for
from .prefill import PrefillSupport
from .rule_tables import PACKAGE, Rule, Rules, Translate, rule_table
from .steps import STEPS, PlacedSteps, ProviderFacts, StepOverrides, checked_steps
from .tool_policies import ToolCallIdPolicy
from .wire import Wire, common_options


@frozen
class Override:
    """Replaced steps, for one model, a pattern of models, or a provider."""

    steps: Mapping[str, Any]
    scope: str = ""
    """who made it, for `describe()`"""
    place: Place = EVERYWHERE
    """the wire, the operation and the calls that it holds for"""


def override(
    *,
    wire: str | Wire | None = None,
    operation: str | None = None,
    stream: bool | None = None,
    when: When | None = None,
    scope: str = "",
    **steps: Unpack[StepOverrides],
) -> Override:
    """Make an override of steps.

    wire: the wire that they were written for, "*" for all; see place.py.
    operation: the operation that they were written for, "*" for all.
    stream: True for streamed calls only, False for unstreamed ones.
    when: `when(request)` decides, before the first step of each call, whether they hold for it.
    scope: who makes it, for `describe()`.
    steps: the steps by name, each a new one or `extending(function)`.

    Raises UnknownStep for a name that no step has, InvalidOption for a value that cannot be that step or place, and for
    no step at all.
    """
    if not steps:
        raise InvalidOption("an override names no step", hint="override('openai:gpt-5*', build_body=my_function)")
    place = place_for(wire, operation, stream, when, steps)
    return Override(checked_steps(steps), scope and scope + place.suffix, place)


def same_id(model_id: str) -> str:
    return model_id


@frozen(kw_only=True)
class Provider:
    """One provider, as data. Make one with `declare_provider`.

    Steps of a wire hold for chat, unless `override(wire=..., operation=...)` in `models` names another place; see
    place.py. The steps of `changes` win over those of `models`, these over `steps`, and these over the wire's.
    """

    id: str
    """the name before the colon in `id:model`"""
    wires: tuple[Wire, ...]
    """tried in order for each operation; the metadata of a model or the call's `wire=` may name another"""
    name: str = ""
    """its name for people"""
    base_url: str = ""
    """the address before the path of each call; may have variables: `https://${AZURE_RESOURCE_NAME}.openai.azure.com`"""
    base_url_env: str | None = None
    """an environment variable with another address, such as that of a server in the user's network"""
    place: str = ""
    """where it is, for listings, if a step makes the address"""
    trusted_hosts: tuple[str, ...] = field(default=(), converter=texts)
    """ends of host names (`.openai.azure.com`), or whole ones with patterns for labels, that get the key, by https"""
    docs: str = ""
    """the address of its documentation"""
    env_key: tuple[str, ...] | Mapping[str, str] = field(default=(), converter=variable_names)
    """environment variables that may hold the key, which is sent to `base_url` and to no other address; for a
    credential of several values, the variable of each: `{"access": "ACME_ACCESS", "secret": "ACME_SECRET"}`"""
    key_optional: bool = False
    """calls may go without a key, also where `env_key` names variables for one"""
    auth: Auth | None = None
    """how the key is sent (default: the wire's `auth`)"""
    credentials: Credentials | None = None
    """the names that a credential of several values may have (default: those of one key, and the variables of
    `base_url`); an `auth` of your own declares here the names that it reads"""
    headers: Mapping[str, str] = {}
    options: Mapping[str, JSONSchema] = {}
    """options of this provider alone, by name, each with the JSON Schema of its values"""
    usual_options: Mapping[str, object] = {}
    """options of `stepwell ask` and `stepwell chat` that the user does not give: for a model that may never stop"""
    translate_options: tuple[Rule, ...] | Translate = ()
    """a list of rules for options, or a function `(options, model)`, also with a third argument `operation`"""
    json_with_tools: bool = True
    """False if it refuses a JSON response_format beside tools, which is then dropped"""
    normalize_model_id: Callable[[str], str] = same_id
    """makes the id that a model is listed by, for its facts, prices and row of `models`; the given id is sent"""
    thinking_constraints: Constraints | None = field(default=None, converter=checked_constraints)
    """the limits that thinking sets for other options, by name: see constraints.py"""
    tool_call_id_policy: ToolCallIdPolicy | None = None
    accepts_signatures_of: tuple[str, ...] = field(default=(), converter=texts)
    """ids of other providers whose signatures and encrypted blocks it accepts"""
    prefill: Mapping[str, PrefillSupport] = {}
    """which models continue a prefilled answer, by the name of the wire"""
    prepare_request: Callable[[Request], Request] | None = None
    attach: Callable[..., Pipeline] | None = None
    """changes the pipeline of every call, by `(pipeline, provider)`; may take the `model` and `operation`"""
    attach_stream: Callable[..., Pipeline] | None = None
    """the same for streams, in the place of `attach`"""
    steps: Mapping[str, Any] = {}
    """steps for all its models"""
    models: Mapping[str, Override] = {}
    """steps for some models, by pattern of ids; a list of rules is added to the provider's"""
    spoken: Mapping[str, str] = {}
    """the wire of some models, by pattern, where an operation has several; later rows win"""
    changes: tuple[tuple[str, Override], ...] = ()
    """what a user has changed by `with_steps` and `override`, by pattern; the most specific wins"""
    embed_batches: Mapping[str, EmbedLimit] = {}
    """the most that one embed call takes, by pattern; later rows win"""
    model_facts: Mapping[str, Mapping[str, Any]] = {}
    """limits, abilities and prices of its models, by id, as `stepwell.models.add` takes them"""
    source: str = field(default="", repr=False, eq=False)
    """where it was declared, if not in this package"""

    def __repr__(self) -> str:
        return f"Provider({self.id!r}, base_url={self.base_url!r}, wires={self.wires})"

    def with_steps(self, **steps: Unpack[PlacedSteps]) -> Provider:
        """Return the provider with some steps replaced for all its models; a list of rules is added to its own.

        steps: the steps by name, and the place where they hold (`wire`, `operation`, `stream`, `when`); see `override`.
            The wire is needed if the provider has several for the operation.

        Raises ConfigError if several wires may be meant.
        """
        return self._with_change("*", override(scope="with_steps", **steps))

    def override(self, models: str, **steps: Unpack[PlacedSteps]) -> Provider:
        """Return the provider with some steps replaced for the models whose ids match the pattern `models`.

        The most specific pattern wins, then the later one. `steps` are those of `with_steps`.
        """
        return self._with_change(models, override(scope=f"override of {models}", **steps))

    def _with_change(self, models: str, change: Override) -> Provider:
        _check_place(self, change)
        changed = evolve(self, changes=(*self.changes, (models, change)))
        check_names(rules_of(changed), names_of(changed), f"{change.scope} of {self.id}")
        return changed

    def takes(self) -> Credentials:
        """Return the credentials of several values that this provider takes."""
        if self.credentials is not None:
            return self.credentials
        places = tuple(sorted(variables(self.base_url)))
        if isinstance(self.env_key, Mapping):
            return several_keys(self.id, self.env_key, places)
        own = [self.auth, self.attach, self.attach_stream, *(wire.auth for wire in self.wires)]
        for steps in (self.steps, *(change.steps for _, change in self.changes)):
            own += [steps.get("authenticate"), steps.get("attach"), steps.get("attach_stream")]
        if not all(map(_is_ours, own)):
            return FREE
        return one_key(self.id, self.env_key, places)

    def needs_key(self, wire: Wire, authenticate: object) -> bool:
        """Check whether calls by an authenticate are refused without a key.

        They are if it sends the key in a header, and if it is declared by a provider that names a variable for the key.
        Any other may find a credential by itself.
        """
        base = base_of(authenticate)
        own = (self.steps, *(change.steps for change in self.models.values()), *(row.steps for _, row in self.changes))
        declared = base in (wire.auth, self.auth, *(steps.get("authenticate") for steps in own))
        return not self.key_optional and (isinstance(base, HeaderKey) or (declared and bool(self.env_key)))

    def default_env_key(self) -> str | None:
        """Return the first environment variable that may hold the key; None for a credential of several values."""
        return self.env_key[0] if self.env_key and isinstance(self.env_key, tuple) else None

    @property
    def key_variables(self) -> tuple[str, ...]:
        """The environment variables of the key, or of all values of the credential."""
        return tuple(self.env_key.values()) if isinstance(self.env_key, Mapping) else self.env_key

    def address(self, environment: Environment = PROCESS) -> str:
        """Return the base URL, or the address in the variable `base_url_env`, if that is set.

        `localhost:11434` is enough there: the scheme is then the one of the base URL.
        """
        configured = (environment.get(self.base_url_env) or "").strip().rstrip("/") if self.base_url_env else ""
        return configured_url(configured, self.base_url, self.wires) if configured else self.base_url

    def is_trusted_url(self, base_url: str, environment: Environment = PROCESS) -> bool:
        """Check whether a key may be sent there: to the address in the environment, and by https to its own hosts."""
        place = origin(base_url)
        own = place == origin(self.base_url) and place is not None and place[0] == "https"
        return own or base_url == self.address(environment) or is_at(base_url, self.trusted_hosts)

    def homes(self) -> str:
        """Describe where keys may be sent, for messages."""
        if self.place:
            return self.place
        return " and ".join(f"*{host}" for host in self.trusted_hosts) if "${" in self.base_url else self.base_url

    @property
    def operations(self) -> frozenset[str]:
        """The operations that one of its wires is for: chat, embed, ..."""
        return frozenset(wire.operation for wire in self.wires)

    def wire_for(self, operation: str, model: Model, named: str | None = None) -> Wire:
        """Choose the wire: the one that the call, the model's metadata or its row names, else the operation's first.

        operation: the operation to do.
        model: the model to use.
        named: the wire that the call names.

        Raises InvalidOption for a name that is not one of this provider's wires, NotSupported if there is none.
        """
        if not isinstance(named, str | None):
            name = named.name if isinstance(named, Wire) else "openai_responses"
            raise InvalidOption(f"wire cannot be a {type(named).__name__}", hint=f"write its name: wire={name!r}")
        able = [wire for wire in self.wires if wire.operation == operation]
        if not able:
            raise NotSupported(
                f"{self.id} does not offer {operation}", hint=f"it offers {', '.join(sorted(self.operations))}"
            )
        for wanted in (named, model.wire, *matching(self.spoken, model.id)):
            for wire in able:
                if wire.name == wanted:
                    return wire
            if wanted is named is not None:
                names = [wire.name for wire in able]
                raise InvalidOption(
                    f"{self.id} does not speak {named!r} for {operation}", hint=nearest(str(named), names)
                )
        return able[0]

    def counting_wire(self, model: Model) -> str | None:
        """Return the name of the wire that counts tokens for this model; None if there is none.

        A provider of several families may count for one of them, which the `history_format` of the wire names.
        """
        able = [wire for wire in self.wires if wire.operation == "count_tokens"]
        spoken = self.wire_for("chat", model).name if able else ""
        return next((wire.name for wire in able if wire.history_format in ("", spoken)), None)

    def option_table(self, wire: Wire) -> Mapping[str, Option]:
        """Return all options of the operation of a wire: the common ones and this provider's own."""
        return {
            **common_options(wire),
            **{name: Option(schema, f"{self.id} only") for name, schema in self.options.items()},
        }


def declared_model(provider: Provider, *ids: str) -> Model | None:
    """Return the model that the provider's declaration has facts of, under one of these ids; None without any.

    ids: tried in order. The model gets the first of them as its id, whichever is found.
    """
    listed = next((id for id in ids if id in provider.model_facts), None)
    return None if listed is None else model_of(provider.id, ids[0], as_row(provider.model_facts[listed]))


def _is_ours(step: object) -> bool:
    if type(step) is MethodType:
        step = getattr(step.__self__, "fetch", step)  # a TokenSource is as its fetch is
    return step is None or getattr(step, "__module__", "").startswith(PACKAGE)


def declare_provider(
    id: str,
    *,
    wire: Wire | Sequence[Wire],
    models: Mapping[str, Override] | None = None,
    **facts: Unpack[ProviderFacts],
) -> Provider:
    """Declare a provider. Two facts make one that speaks a known wire:

        groq = declare_provider("groq", wire=openai_chat, base_url="https://api.groq.com/openai/v1",
                                env_key="GROQ_API_KEY")

    It only makes one: `stepwell.register(groq)` makes it known, and replaces another of this id without a warning.

    id: the name in "id:model".
    wire: one wire or several.
    models: steps for some models, by pattern of ids.
    facts: the other fields of Provider, and steps by name, such as translate_options. A step of a wire is that of its
        only wire for chat; for another operation, or where there are several wires, name the place:
        `models={"*": override(wire="openai_responses", build_body=...)}`.

    Raises InvalidOption for an id, a wire, an address or a field with an unusable value, ConfigError for a step that
    may mean several wires.
    """
    _check_declared(id, wire, facts)
    rest: dict[str, Any] = {**facts}
    rules = rule_table(rest.pop("translate_options", ()))
    given = {name: rest[name] for name in STEPS if name in rest and (rest[name] is not None or name not in _FIELDS)}
    steps = {name: rest.pop(name) for name in checked_steps(given) if name not in _FIELDS}
    provider = Provider(
        id=id,
        wires=(wire,) if isinstance(wire, Wire) else tuple(wire),
        translate_options=rules,
        models=checked_models(models, Override),
        steps=checked_steps(steps),
        **rest,
    )
    _check_place(provider, Override(steps))
    for pattern, row in provider.models.items():
        _check_place(provider, evolve(row, scope=f"models {pattern}"))
    check_names([provider.translate_options, *rules_of(provider)], names_of(provider), f"{id}'s declaration")
    for model, facts_of_model in provider.model_facts.items():
        model_of(id, model, checked_row(as_row(facts_of_model), f"{id}:{model}"))
    return provider


def _check_place(provider: Provider, change: Override) -> None:
    """Raise an error for steps of a wire or operation that the provider lacks, or that fit several of its wires."""
    scope = change.scope or "its declaration"
    change.place.check(change.steps, provider.wires, provider.id, scope)
    change.place.require_named_wire(change.steps, provider.wires, provider.id, scope)


def rules_of(provider: Provider) -> list[Rules]:
    """Return the tables of rules that a provider has for some models: they run before its own."""
    changes = (*provider.models.values(), *(change for _, change in provider.changes))
    return [each.steps.get("translate_options", ()) for each in changes]


def names_of(provider: Provider) -> set[str]:
    """Return the options that a provider has besides those of all providers."""
    return {*provider.options}.union(*(wire.options for wire in provider.wires))


def _check_declared(id: object, wire: object, facts: Mapping[str, Any]) -> None:
    if not isinstance(id, str) or not _ID.fullmatch(id):
        raise InvalidOption(
            f"{id!r:.40} is not a valid provider id",
            hint="use letters, digits, '_', '-' and '.'; no colon",
        )
    if "auth" in facts and "authenticate" in facts:
        raise InvalidOption(f"{id} has both auth and authenticate", hint="they are one step: leave one out")
    checked_steps({"authenticate": facts["auth"]} if facts.get("auth") is not None else {})
    wires = (wire,) if isinstance(wire, Wire | str) or not isinstance(wire, Iterable) else tuple(wire)
    for each in wires:
        if not isinstance(each, Wire):
            raise InvalidOption(
                f"the wire of {id} is a {type(each).__name__}",
                hint="from stepwell.declare import openai_chat, or pass stepwell.provider(id).wires of another",
            )
    if len({each.name for each in wires}) < len(wires):
        raise InvalidOption(f"two wires of {id} have the same name", hint="attrs.evolve(openai_chat, name='…')")
    for name in facts:
        if name not in _FIELDS and name not in STEPS:
            raise unknown_field(name, _DECLARED)
    if not wires:
        raise InvalidOption(f"{id} has no wire", hint="declare_provider(id, wire=openai_chat, base_url=…)")
    check_fields(id, facts)


_ID = re.compile(r"\w[\w.-]*")
_FIELDS = frozenset(attribute.name for attribute in Provider.__attrs_attrs__)
_DECLARED = _FIELDS.union(STEPS, ("wire",)) - {"wires", "steps", "changes", "source"}
"""What a declaration may have, by the names for users."""
