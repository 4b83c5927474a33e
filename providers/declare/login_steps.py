"""The two steps that concern the key: one finds it, the other puts it on each attempt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...pipeline.around import around
from ...pipeline.effects import CallNext, StepGenerator
from ...pipeline.http.request import Request, StateKey
from ...pipeline.step import Step, on_request
from ...schemas.errors import InvalidKey, MissingKey
from ...schemas.model import Model
from ...schemas.secret import Secret, header_secret
from ..auth.auth import Auth
from .addresses import filled, origin
from .credentials import Given
from .environment import ENVIRONMENT, PROCESS, Environment
from .extending import takes_call
from .provider import Provider

_OF_ENVIRONMENT: StateKey[tuple[object, str]] = StateKey("key_of_environment", (None, ""))
"""The credential that was found in the environment, and the base URL that it was found for."""


def trusted_url(provider: Provider, model: Model, environment: Environment = PROCESS) -> Callable[[str], bool]:
    """Return a check whether a base URL belongs to the provider: keys of the environment may be sent there, and it
    serves the listed models."""
    own_addresses = {provider.base_url, model.base_url or provider.base_url}
    return lambda base_url: base_url in own_addresses or provider.is_trusted_url(base_url, environment)


def resolve_key(
    provider: Provider,
    model: Model,
    named: Callable[[], str | None] | str | None = None,
    environment: Environment = PROCESS,
    *,
    optional: bool = False,
) -> Step:
    """Make the step that finds the key: the call's, else the client's, else that of the environment.

    provider, model: what the call goes to. A key of the environment goes only to the provider's own addresses.
    named: a default_env_key, which is the one variable that holds the key, in the place of the provider's.
    environment: the variables of the client. If they come from a file, the steps inside find them on the request.
    optional: whether a call may go on without one.
    """
    is_trusted_url = trusted_url(provider, model, environment)
    takes = provider.takes()
    has_several = named is None and isinstance(provider.env_key, Mapping)
    fixed: Mapping[str, tuple[str, ...]]
    # Made once, but for a function, which may answer otherwise each time.
    if named is None and isinstance(provider.env_key, Mapping):
        fixed = {part: (name,) for part, name in provider.env_key.items()}
    else:
        fixed = {takes.plain: provider.key_variables if named is None else (str(named),) if named else ()}

    def resolve(request: Request) -> Request:
        if environment is not PROCESS:
            request = request.with_state(ENVIRONMENT, environment)
        credential = request.credential
        if type(credential) is Secret and not has_several:
            return request  # as in most calls
        if isinstance(credential, Mapping):
            credential = takes.read(credential, where="the credential", provider=provider.id)
            request = request.replace(credential=credential)
        if credential is not None and not (takes.alone and isinstance(credential, Given)):
            if has_several and isinstance(credential, Secret):
                raise InvalidKey(f"one key is not enough for {provider.id}", hint=takes.describe(provider.id))
            return request
        settings: Mapping[str, Any] = credential or {}
        if settings and takes.has_login(settings):
            return request
        own, variables = is_trusted_url(request.base_url), fixed
        if callable(named):
            variables = {takes.plain: (name,) if (name := named()) else ()}
        found = _values(variables, environment) if own else {}
        if found and (len(found) == len(variables) or takes.has_login(found)):
            if not settings and not has_several:
                credential = found[takes.plain]
            else:
                credential = takes.read({**settings, **found}, where="the environment", provider=provider.id)
            note = {_OF_ENVIRONMENT: (credential, f"{request.base_url.rstrip('/')}/")}
            return request.replace(credential=credential, state={**request.state, **note})
        if optional and not found and (own or not takes.alone):
            return request
        if not own:
            raise MissingKey(
                f"no API key for {provider.id} at a base_url of your own: keys not passed with it are sent only "
                f"to {provider.homes()}",
                hint="pass api_key= with the call that has base_url=, or both base_urls= and api_keys= to the Client",
            )
        raise MissingKey(f"no API key for {provider.id}", hint=_hint_without_key(provider, variables, found))

    return on_request("resolve_key", resolve)


def _hint_without_key(provider: Provider, variables: Mapping[str, tuple[str, ...]], found: Mapping[str, object]) -> str:
    """Return a hint for a missing key: the variables to set, or how to declare one if the provider has none."""
    lacking = [" or ".join(names) for part, names in variables.items() if names and part not in found]
    if lacking:
        return f"set {' and '.join(lacking)}, or pass api_key= or Client(api_keys=…)"
    variable = "".join(each if each.isalnum() else "_" for each in provider.id).upper()
    return (
        f'declare env_key="{variable}_API_KEY", or auth=no_key (of stepwell.declare) if the server takes no key, '
        "or pass api_key= or Client(api_keys=…)"
    )


def _values(variables: Mapping[str, tuple[str, ...]], environment: Environment) -> dict[str, Secret]:
    """Return the parts of a credential whose variables are set, each from the first of its variables that is."""
    found: dict[str, Secret] = {}
    for part, names in variables.items():
        for name in names:
            if part not in found and (value := environment.get(name)) is not None:
                found[part] = header_secret(value, where=environment.describe_source(name))
    return found


def authentication(provider: Provider, authenticate: Auth, environment: Environment = PROCESS) -> Step:
    """Make the step that puts the credential on the request. It runs for every attempt, also without a credential.

    Raises MissingKey where a step has changed the address so that a key of the environment would be sent to a host that
    is neither the one that it was found for nor the provider's own.
    """
    send: Callable[..., Any] = authenticate

    def checked(request: Request, *call: Any) -> Any:
        key, home = request.state.get(_OF_ENVIRONMENT, _OF_ENVIRONMENT.default)  # `get` would cost every call a frame
        if key is not None and key is request.credential and not request.url.startswith(home):
            _check_host(provider, filled(home, environment, key), request.url, environment)
        return send(request, *call)

    def entered(request: Request, call: CallNext) -> StepGenerator:
        place = request.world.job()
        flow: StepGenerator = checked(request, call) if place is None else place.unrecorded(checked, request, call)
        return flow

    if takes_call(authenticate):
        return around("authenticate", entered)
    return on_request("authenticate", checked)


def _check_host(provider: Provider, home: str, url: str, environment: Environment) -> None:
    homes = map(origin, (home, provider.address(environment)))
    if (place := origin(url)) is None or (place not in homes and not provider.is_trusted_url(url, environment)):
        raise MissingKey(
            f"no API key for {provider.id} at {place[1] if place else 'another address'}, where a step has sent "
            "the call: the environment's key goes only to the provider's own hosts",
            hint="pass api_key= with the call, or name the host in the trusted_hosts of the declaration",
        )
