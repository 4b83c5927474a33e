"""Whom to talk to: a provider is its wires, its address and key, its option rules and its overrides."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from attrs import evolve, field, frozen

from ...pipeline.http.request import Request
from ...pipeline.pipeline import Pipeline
from ...schemas.errors import InvalidOption, NotSupported
from ...schemas.json_types import JSONSchema
from ...schemas.model import Model
from ...schemas.nearest import nearest
from ...schemas.options import CHAT_OPTIONS, OPERATION_OPTIONS, Option
from ..auth.auth import Auth
from .addresses import is_at, origin, variables
from .constraints import Constraints, checked_constraints
from .credentials import FREE, Credentials, one_key
from .embed_limits import EmbedLimit
from .environment import PROCESS, Environment
from .place import EVERYWHERE, Place, place_for
from .rules import Rule, Translate, rule_table
from .steps import STEPS, checked_steps
from .wire import ToolCallIdPolicy, Wire


@frozen
class Override:
    """Other steps than usual, for one model, a pattern of models, or a provider. `scope` says who made it, `place` for
    which wire and operation."""

    steps: Mapping[str, Any]
    scope: str = ""
    place: Place = EVERYWHERE


def override(
    *, wire: str | Wire | None = None, operation: str | None = None, scope: str = "", **steps: Any
) -> Override:
    """Steps by name, and the wire and operation that they were written for; see place.py.

    Raises UnknownStep for a name that no step has, ConfigError for what a step or a place cannot be."""
    place = place_for(wire, operation, steps)
    return Override(checked_steps(steps), f"{scope} for {place}" if scope and str(place) else scope, place)


def canonical(id: str) -> str:
    """A provider's id as it is looked up: hyphens and underscores, small and capital letters are the same."""
    return id.strip().lower().replace("-", "_")


def _tuple(value: str | Sequence[str] | None) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)


def same_id(model_id: str) -> str:
    return model_id


@frozen(kw_only=True)
class Provider:
    """One provider, as data. Make one with `declare_provider`.

    `wires` are tried in order for each operation; a model's metadata or the call's `wire=` may name another.
    `env_key` names the environment variables that may hold the key, which is sent to `base_url` and nowhere else;
    `place` says where that is, for listings, of providers whose base URL only stands for the one that a step makes;
    `trusted_hosts` are ends of host names (`.openai.azure.com`), or whole ones with a pattern for each label, where it
    may go, too, by https; `key_optional` lets calls go without one.
    `credentials` says which names a credential of several values may have; without, those of one key and of what stands
    open in `base_url`. An `auth` of your own that reads other names declares them here.
    `options` adds options of this provider alone (JSON Schemas). `translate_options` is a table of rules or a function
    `(options, model)`. `steps` and `models` replace single steps; a table of rules among them is added, see rules.py.
    Steps of a wire hold for chat, unless `override(wire=..., operation=...)` in `models` says otherwise; see place.py.
    `accepts_signatures_of` are the ids of other providers whose signatures and encrypted blocks this one takes for its
    own. `spoken` names the wire of some models, by pattern, where an operation has several; later rows win.
    `changes` are a user's (`with_steps`, `override`), which go before all of these, the most specific first.
    `normalize_model_id` gives the id that a model is listed by, for its facts, prices and row of `models`; what is sent
    is the id as given. `thinking_constraints` are described in constraints.py.
    `embed_batches` is the most texts that one embed call takes, by model pattern; later rows win.
    """

    id: str
    wires: tuple[Wire, ...]
    name: str = ""
    base_url: str = ""
    base_url_env: str | None = None
    place: str = ""
    trusted_hosts: tuple[str, ...] = ()
    docs: str = ""
    env_key: tuple[str, ...] = field(default=(), converter=_tuple)
    key_optional: bool = False
    auth: Auth | None = None
    credentials: Credentials | None = None
    headers: Mapping[str, str] = {}
    options: Mapping[str, JSONSchema] = {}
    translate_options: tuple[Rule, ...] | Translate = ()
    normalize_model_id: Callable[[str], str] = same_id
    thinking_constraints: Constraints | None = field(default=None, converter=checked_constraints)
    tool_call_id_policy: ToolCallIdPolicy | None = None
    accepts_signatures_of: tuple[str, ...] = field(default=(), converter=_tuple)
    prepare_request: Callable[[Request], Request] | None = None
    attach: Callable[[Pipeline, Provider], Pipeline] | None = None
    attach_stream: Callable[[Pipeline, Provider], Pipeline] | None = None
    steps: Mapping[str, Any] = {}
    models: Mapping[str, Override] = {}
    spoken: Mapping[str, str] = {}
    changes: tuple[tuple[str, Override], ...] = ()
    embed_batches: Mapping[str, EmbedLimit] = {}
    source: str = field(default="", repr=False, eq=False)

    def with_steps(self, *, wire: str | Wire | None = None, operation: str | None = None, **steps: Any) -> Provider:
        """The same provider with some steps replaced for all its models; a list of rules is added to its own.

        A step of a wire holds for the `wire` and `operation` named (chat, where none is). Raises ConfigError where the
        provider has several wires to mean and none is named."""
        return self._changed("*", override(wire=wire, operation=operation, scope="with_steps", **steps))

    def override(
        self, models: str, *, wire: str | Wire | None = None, operation: str | None = None, **steps: Any
    ) -> Provider:
        """The same for the models whose id matches the pattern. The most specific pattern wins, then the later one."""
        return self._changed(models, override(wire=wire, operation=operation, scope=f"override of {models}", **steps))

    def _changed(self, models: str, change: Override) -> Provider:
        _check_place(self, change)
        return evolve(self, changes=(*self.changes, (models, change)))

    def takes(self) -> Credentials:
        """What this provider takes as a credential of several values."""
        if self.credentials is not None:
            return self.credentials
        own = [self.auth, self.attach, self.attach_stream, *(wire.auth for wire in self.wires)]
        for steps in (self.steps, *(change.steps for _, change in self.changes)):
            own += [steps.get("authenticate"), steps.get("attach"), steps.get("attach_stream")]
        if not all(map(_is_ours, own)):
            return FREE
        return one_key(self.id, self.env_key, tuple(sorted(variables(self.base_url))))

    def default_env_key(self) -> str | None:
        """The first environment variable that may hold the key."""
        return self.env_key[0] if self.env_key else None

    def address(self, environment: Environment = PROCESS) -> str:
        """The base URL; for a server of your own, the one that `base_url_env` names: `localhost:11434` will do, which
        is taken to be reached as the base URL is, by http or https."""
        given = (environment.get(self.base_url_env) or "").strip().rstrip("/") if self.base_url_env else ""
        if not given:
            return self.base_url
        if "://" not in given:
            given = f"{self.base_url.partition('://')[0]}://{given}"
        path = self.base_url.partition("://")[2].partition("/")[2]
        return given if not path or given.endswith(f"/{path}") else f"{given}/{path}"

    def is_trusted_url(self, base_url: str, environment: Environment = PROCESS) -> bool:
        """Whether a key of the environment or the client may go there: to the address that the environment names, or
        by https to any address of the provider's own hosts."""
        if base_url == self.address(environment):
            return True
        place = origin(base_url)
        if place is None or place[0] != "https":
            return False
        return place == origin(self.base_url) or is_at(base_url, self.trusted_hosts)

    def homes(self) -> str:
        """Where keys may go, for messages."""
        if self.place:
            return self.place
        return " and ".join(f"*{host}" for host in self.trusted_hosts) if "${" in self.base_url else self.base_url

    def wire_for(self, operation: str, model: Model, named: str | None = None) -> Wire:
        """The wire to speak: the one named by the call, the model's metadata or its row, or the operation's first.

        Raises InvalidOption for a name that is not one of this provider's wires, NotSupported when there is none.
        """
        able = [wire for wire in self.wires if wire.operation == operation]
        if not able:
            operations = ", ".join(sorted({wire.operation for wire in self.wires}))
            raise NotSupported(f"{self.id} does not offer {operation}", hint=f"it offers {operations}")
        rows = [name for pattern, name in reversed([*self.spoken.items()]) if fnmatchcase(model.id, pattern)]
        for wanted in (named, model.wire, *rows):
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
        """The wire that counts tokens for this model; None where there is none. A provider of several families may
        count for one of them alone, which the wire's `blocks` name."""
        able = [wire for wire in self.wires if wire.operation == "count_tokens"]
        spoken = self.wire_for("chat", model).name if able else ""
        return next((wire.name for wire in able if wire.history_format in ("", spoken)), None)

    def option_table(self, wire: Wire) -> Mapping[str, Option]:
        """Every option that may be given for an operation: the common ones and this provider's own."""
        own = {name: Option(schema, f"{self.id} only") for name, schema in self.options.items()}
        return {**common_options(wire), **own}


def _is_ours(step: Any) -> bool:
    return step is None or getattr(step, "__module__", "").startswith(_PACKAGE)


def common_options(wire: Wire) -> Mapping[str, Option]:
    """The options of a wire's operation that any provider may have; for other operations than chat, those that the
    wire can send."""
    known = OPERATION_OPTIONS.get(wire.operation, {})
    if wire.operation == "chat":
        return known
    return {name: known.get(name) or CHAT_OPTIONS.get(name) or Option({}, "") for name in wire.options}


def declare_provider(
    id: str,
    *,
    wire: Wire | Sequence[Wire],
    translate_options: Iterable[Rule] | Translate = (),
    models: Mapping[str, Override] | None = None,
    **facts: Any,
) -> Provider:
    """Declare a provider. Two facts make one that speaks a known wire:

        groq = declare_provider("groq", wire=openai_chat, base_url="https://api.groq.com/openai/v1",
                                env_key="GROQ_API_KEY")

    `wire` is one wire or several, `facts` the other fields of Provider, and any step's name replaces that step: of a
    wire's steps, that of the provider's one wire for chat. Where it has several, or for another operation, the place is
    named: `models={"*": override(wire="openai_responses", build_body=...)}`.
    Raises InvalidOption for an id, a wire, an address or a fact that cannot be one, ConfigError for a step that may
    mean several wires.
    """
    _check_declared(id, wire, facts)
    steps = {name: facts.pop(name) for name in STEPS if name in facts and name not in _FIELDS}
    provider = Provider(
        id=id,
        wires=(wire,) if isinstance(wire, Wire) else tuple(wire),
        translate_options=rule_table(translate_options),
        models=models or {},
        steps=override(**steps).steps,
        **facts,
    )
    _check_place(provider, Override(steps))
    for pattern, row in provider.models.items():
        _check_place(provider, evolve(row, scope=f"models {pattern}"))
    return provider


def _check_place(provider: Provider, change: Override) -> None:
    """Raise ConfigError for steps whose place is none of the provider's, or not clear."""
    scope = change.scope or "its declaration"
    change.place.check(change.steps, provider.wires, provider.id, scope)
    change.place.check_meant(change.steps, provider.wires, provider.id, scope)


def _check_declared(id: Any, wire: Any, facts: Mapping[str, Any]) -> None:
    if not isinstance(id, str) or not _ID.fullmatch(id):
        raise InvalidOption(
            f"a provider cannot be called {id!r:.40}",
            hint="use letters, digits, '_', '-' and '.'; no colon",
        )
    wires = (wire,) if isinstance(wire, Wire | str) or not isinstance(wire, Iterable) else tuple(wire)
    for each in wires:
        if not isinstance(each, Wire):
            raise InvalidOption(
                f"the wire of {id} is a {type(each).__name__}",
                hint="from stepwell.declare import openai_chat",
            )
    for name in facts:
        if name not in _FIELDS and name not in STEPS:
            raise InvalidOption(f"a provider has no {name!r}", hint=nearest(name, (*_FIELDS, *STEPS)))
    if not wires:
        raise InvalidOption(f"{id} has no wire", hint="declare_provider(id, wire=openai_chat, base_url=…)")
    base_url = facts.get("base_url", "")
    if not isinstance(base_url, str) or not base_url.startswith(("https://", "http://", "${")):
        raise InvalidOption(f"the base_url of {id} is not an http:// or https:// address", hint="base_url='https://…'")


_PACKAGE = __name__.rpartition(".declare.")[0]
_ID = re.compile(r"\w[\w.-]*")
_FIELDS = frozenset(attribute.name for attribute in Provider.__attrs_attrs__)
