"""A key is sent only where it was given for, and the machine's login only to its provider, for every provider."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import google.auth
import httpx
import orjson
import pytest
from in_turn import in_turn
from kinds import one_of_each_kind
from logins import login_for

from stepwell import AsyncClient, Client, fallback
from stepwell.model_metadata.catalog import CATALOG
from stepwell.providers.declare.addresses import variables
from stepwell.providers.declare.credentials import FREE
from stepwell.providers.declare.provider import Provider
from stepwell.providers.declare.registry import REGISTRY
from stepwell.schemas import errors
from stepwell.schemas.secret import Secret

MACHINE = "OFTHEMACHINE"
PROXY, OTHER = "https://proxy.test/v1", "https://other.test/v1"


CHATTING = [each for each in REGISTRY if "chat" in each.operations and each.takes() is not FREE and each.id != "local"]
KINDS = one_of_each_kind(CHATTING)
LOGGED_IN = [each for each in CHATTING if each.takes().alone]
every = in_turn("provider", KINDS)
logged_in = pytest.mark.parametrize("provider", LOGGED_IN, ids=lambda each: each.id)
both = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])


def two_addresses(provider: Provider) -> Iterator[tuple[str, str]]:
    """Yield pairs of models that our list has at different addresses of one provider."""
    at: dict[str, str] = {}
    for id in CATALOG.ids(provider.id):
        at.setdefault(CATALOG.get(f"{provider.id}:{id}").base_url or provider.base_url, id)
    return permutations(at.values(), 2)


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Give the machine a login for every provider, in files and in variables."""
    config = tmp_path / "aws"
    config.write_text(f"[default]\nregion = eu-central-1\naws_access_key_id = {MACHINE}\naws_secret_access_key = s\n")
    codex = tmp_path / "auth.json"
    codex.write_bytes(orjson.dumps({"tokens": {"access_token": MACHINE}}))
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_CONFIG_FILE": str(config),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "CODEX_AUTH_FILE": str(codex),
        "GOOGLE_CLOUD_PROJECT": "p",
    }.items():
        monkeypatch.setenv(name, value)
    for name in {name for provider in CHATTING for name in provider.env_key}:
        monkeypatch.setenv(name, MACHINE)

    class Account:
        token, expiry = MACHINE, None

        def refresh(self, request: Any) -> None: ...

    monkeypatch.setattr(google.auth, "default", lambda **_: (Account(), "p"))


@pytest.fixture
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the keys in variables, so that only the logins in files are left."""
    for name in {name for provider in CHATTING for name in provider.env_key}:
        monkeypatch.delenv(name, raising=False)


def sent_by(
    model: str, *, asynchronous: bool = False, settings: Any = None, **options: Any
) -> tuple[list[httpx.Request], errors.StepwellError]:
    """Return the requests of one call, all of which the server answers with an error, and the call's error."""
    seen: list[httpx.Request] = []
    transport = httpx.MockTransport(lambda request: seen.append(request) or httpx.Response(500, json={"message": "no"}))

    async def acall() -> None:
        async with AsyncClient(transport=transport, retries=0, **(settings or {})) as client:
            await client.generate_text(model, "hi", **options)

    with pytest.raises(errors.StepwellError) as caught:
        if asynchronous:
            asyncio.run(acall())
        else:
            with Client(transport=transport, retries=0, **(settings or {})) as client:
                client.generate_text(model, "hi", **options)
    return seen, caught.value


def everything(request: httpx.Request) -> str:
    return f"{request.url} {dict(request.headers)} {request.content!r}"


@both
@every
def test_an_address_of_ones_own_gets_no_key_that_was_not_given_for_it(provider: Provider, asynchronous: bool) -> None:
    key = {"api_keys": {provider.id: login_for(provider)}}
    for settings in ({}, key, {**key, "base_urls": {provider.id: OTHER}}):
        seen, error = sent_by(f"{provider.id}:m", asynchronous=asynchronous, settings=settings, base_url=PROXY)
        if provider.key_optional and not provider.takes().alone:
            assert MACHINE not in everything(seen[0]) and "GIVEN" not in everything(seen[0])
        else:
            assert (type(error), seen) == (errors.MissingKey, [])
    url = {"base_urls": {provider.id: PROXY}}
    seen, error = sent_by(f"{provider.id}:m", asynchronous=asynchronous, settings=url)
    assert not seen or MACHINE not in everything(seen[0])


@logged_in
def test_settings_alone_are_no_login_for_an_address_of_ones_own(provider: Provider) -> None:
    takes = provider.takes()
    of_logins = {name for login in takes.logins for name in (*login.needs, *login.may)}
    for value in takes.values:
        if value.name not in of_logins:
            seen, error = sent_by(f"{provider.id}:m", base_url=PROXY, api_key={value.name: "eu-west-1"})
            assert (type(error), seen) == (errors.MissingKey, [])


@both
@logged_in
@pytest.mark.usefixtures("no_variables")
def test_the_machines_login_goes_to_its_provider(provider: Provider, asynchronous: bool) -> None:
    seen, _ = sent_by(f"{provider.id}:m", asynchronous=asynchronous)
    assert MACHINE in everything(seen[0])


@logged_in
@pytest.mark.usefixtures("no_variables")
def test_a_step_that_sends_a_call_to_another_address_gets_no_login_of_the_machines(provider: Provider) -> None:
    from stepwell.steps import PipelineEdits, on_request

    step = on_request("away", lambda request: request.replace(url=PROXY))
    edits = PipelineEdits().before("authenticate", step)
    seen, error = sent_by(f"{provider.id}:m", settings={"pipeline": edits})
    assert (type(error), seen) == (errors.MissingKey, [])


AMAZONS = (
    "https://bedrock-runtime.us-west-2.amazonaws.com",
    "https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com",
    "https://vpce-0a1-b2.bedrock-runtime.eu-west-1.vpce.amazonaws.com",
)
NOT_AMAZONS = (
    "https://bedrock-runtime.us-west-2.elb.amazonaws.com",
    "https://abc.execute-api.us-west-2.amazonaws.com",
    "https://ec2-1-2-3-4.us-west-2.compute.amazonaws.com",
    "https://bedrock-runtime.us-west-2.amazonaws.com.evil.test",
    "https://bedrock-runtime.evil.amazonaws.com",
    "http://bedrock-runtime.us-west-2.amazonaws.com",
    "https://vpce-0a1.vpce-svc-b2.us-west-2.vpce.amazonaws.com",
)


@pytest.mark.parametrize("url", AMAZONS)
@pytest.mark.usefixtures("no_variables")
def test_a_key_goes_to_any_of_amazons_own_addresses(url: str) -> None:
    keys = {"api_keys": {"amazon_bedrock": {"access_key": "GIVEN", "secret_key": "s"}}}
    seen, _ = sent_by("amazon_bedrock:m", settings=keys, base_url=url)
    assert "Credential=GIVEN/" in seen[0].headers["authorization"]
    seen, _ = sent_by("amazon_bedrock:m", base_url=url)
    assert f"Credential={MACHINE}/" in seen[0].headers["authorization"]


@pytest.mark.parametrize("url", NOT_AMAZONS)
def test_an_address_that_only_looks_like_amazons_gets_no_key(url: str) -> None:
    seen, error = sent_by("amazon_bedrock:m", base_url=url)
    assert (type(error), seen) == (errors.MissingKey, [])


def test_a_clients_key_goes_to_any_of_googles_own_addresses() -> None:
    keys = {"api_keys": {"google_vertex": {"token": "GIVEN"}}}
    seen, _ = sent_by("google_vertex:m", settings=keys, base_url="https://us-aiplatform.googleapis.com/v1/projects/p")
    assert seen[0].headers["authorization"] == "Bearer GIVEN"


# --- other models of the same provider


def destination(request: httpx.Request) -> tuple[str, str]:
    """Return the host that a request was sent to, and its credential."""
    names = ("authorization", "x-api-key", "api-key", "x-goog-api-key", "key")
    said = " ".join(request.headers[name] for name in names if name in request.headers)
    return request.url.host, said.partition(", SignedHeaders")[0]


@both
@every
def test_a_call_s_key_and_address_are_passed_on_to_another_model_of_its_provider(
    provider: Provider, asynchronous: bool
) -> None:
    settings = {"pipeline": fallback(f"{provider.id}:other")}
    given = {"api_key": login_for(provider), "base_url": PROXY}
    if provider.id == "openai_codex":
        given["api_key"] = "GIVEN"
    seen, _ = sent_by(f"{provider.id}:m", asynchronous=asynchronous, settings=settings, **given)
    first, second = map(destination, seen)
    assert first == second and "GIVEN" in first[1] and MACHINE not in everything(seen[1])


@logged_in
def test_a_call_s_key_is_passed_on_to_the_provider_s_own_address(provider: Provider) -> None:
    settings = {"pipeline": fallback(f"{provider.id}:other")}
    seen, _ = sent_by(f"{provider.id}:m", settings=settings, api_key=login_for(provider))
    assert destination(seen[0]) == destination(seen[1]) and MACHINE not in everything(seen[1])


def test_a_profile_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "two"
    config.write_text("[profile mine]\nregion = eu-west-3\naws_access_key_id = GIVEN\naws_secret_access_key = s\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    settings = {"pipeline": fallback("amazon_bedrock:other")}
    seen, _ = sent_by("amazon_bedrock:m", settings=settings, api_key={"profile": "mine"})
    assert destination(seen[0]) == destination(seen[1])


def test_a_login_is_passed_on_past_a_model_of_another_provider() -> None:
    steps = [fallback("groq:m", name="outer"), fallback("openai:other", name="inner")]
    settings = {"pipeline": steps, "api_keys": {"groq": "k-groq"}}
    seen, _ = sent_by("openai:m", settings=settings, api_key="GIVEN", base_url=PROXY)
    assert [destination(each) for each in seen] == [
        ("proxy.test", "Bearer GIVEN"),
        ("proxy.test", "Bearer GIVEN"),
        ("api.groq.com", "Bearer k-groq"),
        ("proxy.test", "Bearer GIVEN"),
    ]


@pytest.mark.parametrize(
    ("call", "entry", "second"),
    [
        ({"api_key": "GIVEN"}, {"api_key": "ANOTHER"}, ("api.openai.com", "Bearer ANOTHER")),
        ({"api_key": "GIVEN", "base_url": PROXY}, {"api_key": "ANOTHER"}, ("api.openai.com", "Bearer ANOTHER")),
        ({"api_key": "GIVEN", "base_url": PROXY}, {"base_url": OTHER}, None),
        ({"api_key": "GIVEN", "base_url": PROXY}, {"base_url": PROXY + "/2"}, ("proxy.test", "Bearer GIVEN")),
        ({"api_key": "GIVEN", "base_url": PROXY}, {"base_url": None}, ("proxy.test", "Bearer GIVEN")),
        ({"api_key": "GIVEN"}, {"base_url": OTHER}, None),
        ({"api_key": "GIVEN"}, {"base_url": "https://eu.api.openai.com/v1"}, ("eu.api.openai.com", "Bearer GIVEN")),
        ({"base_url": PROXY, "api_key": "GIVEN"}, {"base_url": OTHER, "api_key": "B"}, ("other.test", "Bearer B")),
    ],
)
def test_a_key_goes_to_no_address_that_it_was_not_given_for(call: Any, entry: Any, second: Any) -> None:
    settings = {"pipeline": fallback(("openai:other", entry))}
    seen, _ = sent_by("openai:m", settings=settings, **call)
    assert [destination(each) for each in seen[1:]] == ([second] if second else [])


PAIRS = [
    (f"{provider.id}:{first}", f"{provider.id}:{second}")
    for provider in CHATTING
    for first, second in two_addresses(provider)
]


@in_turn(("first", "second"), PAIRS)
def test_a_key_is_passed_on_to_a_model_that_our_list_has_at_another_address(
    first: str, second: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = REGISTRY.get_or_raise(first.partition(":")[0])
    for name in {name for model in (first, second) for name in variables(CATALOG.get(model).base_url or "")}:
        monkeypatch.setenv(name, "https://own.test" if name.endswith("URL") else "us-east-1")
    for name in variables(provider.base_url):
        monkeypatch.setenv(name, "https://own.test" if name.endswith("URL") else "us-east-1")
    seen, error = sent_by(first, settings={"pipeline": fallback(second)}, api_key=login_for(provider))
    assert len(seen) == 2, error.__notes__
    assert all("GIVEN" in destination(each)[1] and MACHINE not in everything(each) for each in seen)


# --- functions that return a key


@both
@every
def test_a_function_as_credential_is_called_or_a_typed_error(provider: Provider, asynchronous: bool) -> None:
    given = {"api_key": lambda: "GIVEN", "base_url": PROXY}
    seen, error = sent_by(f"{provider.id}:m", asynchronous=asynchronous, **given)
    if seen:
        assert "GIVEN" in destination(seen[0])[1]
    else:
        assert type(error) is errors.InvalidKey and "function" in str(error)


FUNCTIONS = [
    (provider, name)
    for provider in CHATTING
    for name in (None, *(value.name for value in provider.takes().values if value.kind == "token"))
    if any(value.kind == "token" for value in provider.takes().values)
]


@both
@pytest.mark.parametrize(("provider", "name"), FUNCTIONS, ids=lambda each: getattr(each, "id", str(each)))
@in_turn("gives", [None, "", "  ", 5, b"abc", "a\nb", {"token": "t"}, Secret(" "), Secret("é")])
def test_the_result_of_a_function_is_a_key_or_a_typed_error(
    provider: Provider, name: str | None, gives: Any, asynchronous: bool
) -> None:
    async def later() -> Any:
        return gives

    for function in (lambda: gives, *([later, lambda: later()] if asynchronous else [])):
        key = {name: function} if name else function
        seen, error = sent_by(f"{provider.id}:m", asynchronous=asynchronous, api_key=key, base_url=PROXY)
        assert (type(error), seen) == (errors.InvalidKey, []), error
        assert "abc" not in str(error)


@pytest.mark.parametrize(("provider", "name"), FUNCTIONS, ids=lambda each: getattr(each, "id", str(each)))
def test_a_function_with_an_awaitable_result_needs_an_async_client(provider: Provider, name: str | None) -> None:
    async def later() -> str:
        return "GIVEN"

    for function in (later, lambda: later()):
        key = {name: function} if name else function
        seen, error = sent_by(f"{provider.id}:m", api_key=key, base_url=PROXY)
        assert type(error) is errors.ConfigError and "AsyncClient" in str(error.hint) and seen == []
        seen, _ = sent_by(f"{provider.id}:m", asynchronous=True, api_key=key, base_url=PROXY)
        assert "GIVEN" in destination(seen[0])[1]
