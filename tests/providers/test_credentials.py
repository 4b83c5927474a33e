"""A credential of several values is complete and has known names, or it is an error before any look-up or request."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import combinations, product
from pathlib import Path
from typing import Any, NoReturn

import botocore.session
import google.auth
import httpx
import pytest
from in_turn import in_turn
from kinds import one_of_each_kind

from stepwell import AsyncClient, Client
from stepwell.declare import declare_provider
from stepwell.providers.auth import google_cloud
from stepwell.providers.declare.credentials import DOCUMENT, FREE, Credentials, Login, Value
from stepwell.providers.declare.provider import Provider
from stepwell.providers.declare.registry import REGISTRY, Registry
from stepwell.providers.wires.openai_chat import openai_chat
from stepwell.schemas import errors
from stepwell.schemas.secret import Secret


def id_of(provider: Provider) -> str:
    return provider.id


PROVIDERS = [provider for provider in REGISTRY if provider.takes() is not FREE]
KINDS = one_of_each_kind(PROVIDERS)
every = in_turn("provider", KINDS)
several = in_turn("provider", [each for each in KINDS if each.credentials is not None])
ACCOUNT = {
    "client_email": "robot@p.test",
    "private_key": "-----BEGIN",
    "token_uri": "https://t.test",
    "project_id": "p",
}


def value_for(value: Value) -> Any:
    return ACCOUNT if value.kind is DOCUMENT else "given"


def complete_login(takes: Credentials, login: Login) -> dict[str, Any]:
    return {value.name: value_for(value) for value in takes.values if value.name in login.needs}


@pytest.fixture(autouse=True, scope="module")
def machine_logins() -> Iterator[None]:
    """Provide a machine with logins of its own, and fail if they are looked up."""

    def fail_on_look_up(*_: Any, **__: Any) -> NoReturn:
        raise AssertionError("the machine's own login was looked for")

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(botocore.session, "Session", fail_on_look_up)
        monkeypatch.setattr(google.auth, "default", fail_on_look_up)
        monkeypatch.setattr(google_cloud, "load_credentials", fail_on_look_up)
        monkeypatch.setattr(Path, "home", fail_on_look_up)
        for provider in PROVIDERS:
            for name in provider.env_key:
                monkeypatch.setenv(name, "of-the-environment")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENVIRONMENT")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-the-environment")
        monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "of-the-environment")
        yield


def refusals(provider: Provider, given: Any) -> Iterator[errors.StepwellError]:
    """Collect the errors of a client with this credential and of calls with it, sync and async. Nothing is sent."""
    sent: list[Any] = []
    network = httpx.MockTransport(lambda request: sent.append(request) or httpx.Response(500))
    for kind in (Client, AsyncClient):
        with pytest.raises(errors.StepwellError) as caught:
            kind(api_keys={provider.id: given}, transport=network)
        yield caught.value
    if "chat" in provider.operations:
        with Client(transport=network, retries=0) as client, pytest.raises(errors.StepwellError) as caught:
            client.generate_text(f"{provider.id}:m", "hi", api_key=given)
        yield caught.value
    if "chat" in provider.operations and provider.credentials is not None:

        async def ask() -> None:
            async with AsyncClient(transport=network, retries=0) as client:
                await client.generate_text(f"{provider.id}:m", "hi", api_key=given)

        with pytest.raises(errors.StepwellError) as caught:
            asyncio.run(ask())
        yield caught.value
    assert sent == []


@every
def test_a_name_that_is_not_known_is_an_error_that_names_the_right_ones(provider: Provider) -> None:
    takes = provider.takes()
    for name in ("no_such_name", "", 5, None):
        for error in refusals(provider, {**complete_login(takes, takes.logins[0]), name: "x"}):
            assert type(error) is errors.InvalidOption
            assert repr(name) in str(error) and provider.id in str(error)
            for login in takes.logins:
                assert str(login) in str(error)


@every
def test_a_misspelt_name_is_an_error_with_the_nearest(provider: Provider) -> None:
    takes = provider.takes()
    for value in takes.values:
        if len(value.name) > 3:  # a letter more of a short one is as near to another
            with pytest.raises(errors.InvalidOption, match=f"did you mean '{value.name}'"):
                takes.read({f"{value.name}z": value_for(value)}, where="api_key", provider=provider.id)


@every
def test_a_mapping_without_a_value_is_an_error(provider: Provider) -> None:
    takes = provider.takes()
    for given in ({}, dict.fromkeys(value.name for value in takes.values)):
        for error in refusals(provider, given):
            assert type(error) is errors.MissingKey and takes.logins[0].needs[0] in str(error)


@every
def test_an_incomplete_login_is_an_error_that_names_the_missing_values(provider: Provider) -> None:
    takes = provider.takes()
    settings = [v for v in takes.values if all(v.name not in (*each.needs, *each.may) for each in takes.logins)]
    beside = {value.name: value_for(value) for value in settings}
    parts: list[dict[str, Any]] = []
    for login in takes.logins:
        needed = complete_login(takes, login)
        for size in range(1, len(needed)):
            parts += [dict(part) for part in combinations(needed.items(), size)]
        parts += [{name: "given"} for name in login.may]
        parts += [{**needed, name: None} for name in needed]
    if not takes.alone and beside:
        parts.append({})
    for part in parts:
        for error in refusals(provider, {**beside, **part}):
            assert type(error) is errors.MissingKey, part


@every
def test_an_empty_value_is_an_error(provider: Provider) -> None:
    takes = provider.takes()
    for login in takes.logins:
        for name in login.needs:
            for empty in ("", "  "):
                for error in refusals(provider, {**complete_login(takes, login), name: empty}):
                    assert type(error) is errors.InvalidKey and name in str(error)


@several
def test_two_logins_at_once_are_an_error(provider: Provider) -> None:
    takes = provider.takes()
    for first, second in combinations(takes.logins, 2):
        for error in refusals(provider, {**complete_login(takes, first), **complete_login(takes, second)}):
            assert type(error) is errors.InvalidOption and "another login" in str(error)


@every
def test_a_value_that_is_no_text_is_an_error(provider: Provider) -> None:
    takes = provider.takes()
    for value, wrong in product(takes.values, (5, b"key", ["key"], object())):
        with pytest.raises(errors.InvalidOption, match=value.name):
            takes.read({value.name: wrong}, where="api_key", provider=provider.id)


@every
def test_every_spelling_of_a_name_is_the_same_name(provider: Provider) -> None:
    takes = provider.takes()
    for value in takes.values:
        login = next((each for each in takes.logins if value.name in (*each.needs, *each.may)), takes.logins[0])
        others = {name: given for name, given in complete_login(takes, login).items() if name != value.name}
        for spelt in (value.name, *value.spelt):
            for written in (spelt, spelt.upper(), spelt.replace("_", "-"), spelt.replace("_", "")):
                kept = takes.read({**others, written: value_for(value)}, where="api_key", provider=provider.id)
                assert kept.keys() == {*others, value.name}, written


@every
def test_one_name_twice_is_an_error(provider: Provider) -> None:
    takes = provider.takes()
    name = takes.logins[0].needs[0]
    given = {**complete_login(takes, takes.logins[0]), name.upper(): "another"}
    for error in refusals(provider, given):
        assert type(error) is errors.InvalidOption and "twice" in str(error)


@every
def test_a_credential_that_is_taken_shows_no_secret(provider: Provider) -> None:
    takes = provider.takes()
    for login in takes.logins:
        kept = takes.read(complete_login(takes, login), where="api_key", provider=provider.id)
        assert "given" not in repr(kept) and "BEGIN" not in repr(kept)
        assert takes.read(kept, where="api_key", provider=provider.id) is kept


@in_turn("provider", [each for each in PROVIDERS if each.env_key and "chat" in each.operations])
def test_a_key_in_a_mapping_is_sent_instead_of_the_environments(provider: Provider) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(400, json={"error": {"message": "no"}})

    # The login of one value that goes out as it is: the one that has the name of any key.
    given = {"api_key": "the-one-given"}
    urls = {provider.id: "https://own.test/v1"}
    network = httpx.MockTransport(answer)
    with Client(transport=network, retries=0, api_keys={provider.id: given}, base_urls=urls) as client:
        with pytest.raises(errors.ProviderError):
            client.generate_text(f"{provider.id}:m", "hi")
    sent = " ".join(seen[0].headers.values())
    assert "the-one-given" in sent and "of-the-environment" not in sent


def test_a_variable_of_the_address_may_come_with_the_key() -> None:
    for name in ("account_id", "account", "CLOUDFLARE_ACCOUNT_ID"):
        seen: list[httpx.Request] = []
        network = httpx.MockTransport(lambda request, seen=seen: seen.append(request) or httpx.Response(400))
        with Client(transport=network, retries=0, api_keys={"cloudflare": {"api_token": "k", name: "mine"}}) as client:
            with pytest.raises(errors.ProviderError):
                client.generate_text("cloudflare:m", "hi")
        assert "/accounts/mine/" in str(seen[0].url) and seen[0].headers["authorization"] == "Bearer k"


def _own(request: Any) -> Any:
    return request.with_headers(x_user=request.credential["user"].reveal())


@pytest.mark.parametrize("declared", [False, True])
def test_a_custom_auth_reads_its_own_names(declared: bool) -> None:
    takes = {"credentials": Credentials((Value("user"),), (Login(("user",)),))} if declared else {}
    registry = Registry()
    registry.register(declare_provider("own", wire=openai_chat, base_url="https://own.test", auth=_own, **takes))
    seen: list[httpx.Request] = []
    network = httpx.MockTransport(lambda request: seen.append(request) or httpx.Response(400))
    with Client(transport=network, retries=0, registry=registry, api_keys={"own": {"user": "me"}}) as client:
        with pytest.raises(errors.ProviderError):
            client.generate_text("own:m", "hi")
        assert seen[0].headers["x-user"] == "me"
        if declared:
            with pytest.raises(errors.InvalidOption, match="did you mean 'user'"):
                client.generate_text("own:m", "hi", api_key={"usr": "me"})


def test_a_credential_that_a_step_puts_in_is_checked_as_well() -> None:
    from stepwell.pipeline.step import on_request

    step = on_request("mine", lambda request: request.replace(credential={"acces_key": Secret("a")}))
    for place in ("resolve_key", "authenticate"):
        with Client(transport=httpx.MockTransport(lambda request: httpx.Response(500)), retries=0) as client:
            with pytest.raises(errors.InvalidOption, match="did you mean 'access_key'"):
                client.generate_text(
                    "amazon_bedrock:amazon.nova-lite-v1:0",
                    "hi",
                    pipeline=lambda steps, place=place: steps.before(place, step),
                )


def test_what_aws_answers_with_keys_is_taken_as_it_is() -> None:
    keys = {"AccessKeyId": "AKID", "SecretAccessKey": "s", "SessionToken": "t"}
    takes = REGISTRY.get_or_raise("amazon_bedrock").takes()
    for more in ({"Expiration": "2026-12-01T00:00:00Z"}, {"Version": 1, "Expiration": "", "AccountId": "1"}):
        values = takes.read({**keys, **more}, where="api_key", provider="amazon_bedrock")
        assert set(values) == {"access_key", "secret_key", "session_token"}
    with pytest.raises(errors.InvalidOption, match="Expires"):
        takes.read({**keys, "Expires": ""}, where="api_key", provider="amazon_bedrock")
