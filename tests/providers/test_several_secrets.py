"""A credential of several secrets, each in an environment variable of its own, by declaration alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

import stepwell
from stepwell.declare import declare_provider, openai_chat
from stepwell.errors import InvalidKey, InvalidOption, MissingKey
from stepwell.providers.declare.registry import Registry
from stepwell.steps import Request
from stepwell.testing import conformance

from costs import thorough_after
from every_way import WAYS, Ask, whole

VARIABLES = {"access": "SIGNED_ACCESS", "secret": "SIGNED_SECRET"}


def sign(request: Request) -> Request:
    return request.with_headers(
        x_access=request.credential["access"].reveal(), x_secret=request.credential["secret"].reveal()
    )


SIGNED = declare_provider("signed", wire=openai_chat, base_url="https://signed.test/v1", env_key=VARIABLES, auth=sign)


@pytest.fixture(params=WAYS)
def ask(request: pytest.FixtureRequest) -> Ask:
    return WAYS[request.param]


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES.values():
        monkeypatch.delenv(name, raising=False)


def settings(seen: list[httpx.Request], **more: Any) -> dict[str, Any]:
    def serve(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=whole("hi"))

    registry = Registry()
    registry.register(SIGNED)
    return {"transport": httpx.MockTransport(serve), "registry": registry, **more}


def secrets_in(request: httpx.Request) -> tuple[str, str]:
    return request.headers["x-access"], request.headers["x-secret"]


def test_each_comes_from_its_variable(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNED_ACCESS", "AK")
    monkeypatch.setenv("SIGNED_SECRET", "s3cr3t")
    seen: list[httpx.Request] = []
    assert ask(settings(seen), "signed:m", "hi").text == "hi"
    assert secrets_in(seen[0]) == ("AK", "s3cr3t")


def test_they_may_be_in_a_file(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SIGNED_ACCESS=AK\nSIGNED_SECRET=s3cr3t\n")
    seen: list[httpx.Request] = []
    ask(settings(seen, env_file=tmp_path / ".env"), "signed:m", "hi")
    assert secrets_in(seen[0]) == ("AK", "s3cr3t")


@pytest.mark.parametrize("given", [VARIABLES.keys(), VARIABLES.values()])
def test_given_ones_win_under_either_name(ask: Ask, given: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNED_ACCESS", "other")
    monkeypatch.setenv("SIGNED_SECRET", "other")
    seen: list[httpx.Request] = []
    ask(settings(seen, api_keys={"signed": dict(zip(given, ("AK", "s3cr3t"), strict=True))}), "signed:m", "hi")
    assert secrets_in(seen[0]) == ("AK", "s3cr3t")


@pytest.mark.parametrize(
    ("set_ones", "says"),
    [
        ([], "set SIGNED_ACCESS and SIGNED_SECRET, or"),
        (["SIGNED_ACCESS"], "set SIGNED_SECRET, or"),
        (["SIGNED_SECRET"], "set SIGNED_ACCESS, or"),
    ],
)
def test_the_missing_ones_are_named(ask: Ask, set_ones: list[str], says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in set_ones:
        monkeypatch.setenv(name, "x")
    seen: list[httpx.Request] = []
    with pytest.raises(MissingKey, match=says):
        ask(settings(seen), "signed:m", "hi")
    assert not seen


def test_an_incomplete_or_single_one_is_refused(ask: Ask) -> None:
    seen: list[httpx.Request] = []
    with pytest.raises(MissingKey, match="'access' without 'secret'"):
        ask(settings(seen), "signed:m", "hi", api_key={"access": "AK"})
    with pytest.raises(InvalidKey, match="one key is not enough for signed; signed takes access with secret"):
        ask(settings(seen), "signed:m", "hi", api_key="AK")
    assert not seen


def test_they_are_not_sent_to_another_address(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES.values():
        monkeypatch.setenv(name, "x")
    seen: list[httpx.Request] = []
    with pytest.raises(MissingKey, match=r"keys not passed with it are sent only to https://signed\.test/v1"):
        ask(settings(seen), "signed:m", "hi", base_url="https://other.test/v1")
    assert not seen


def test_its_own_declared_values_say_which_may_be_left_out(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    from stepwell.providers.declare.credentials import Credentials, Login, Value

    def send(request: Request) -> Request:
        return request.with_headers(x_parts=" ".join(sorted(request.credential)))

    takes = Credentials(
        (Value("access"), Value("secret"), Value("session")), (Login(("access", "secret"), ("session",)),)
    )
    variables = {**VARIABLES, "session": "SIGNED_SESSION"}
    registry = Registry()
    registry.register(
        declare_provider(
            "aws_like", wire=openai_chat, base_url="https://a.test", env_key=variables, credentials=takes, auth=send
        )
    )
    monkeypatch.setenv("SIGNED_ACCESS", "AK")
    monkeypatch.setenv("SIGNED_SECRET", "s3cr3t")
    seen: list[httpx.Request] = []
    ask(settings(seen, registry=registry), "aws_like:m", "hi")
    monkeypatch.setenv("SIGNED_SESSION", "now")
    ask(settings(seen, registry=registry), "aws_like:m", "hi")
    assert [request.headers["x-parts"] for request in seen] == ["access secret", "access secret session"]


LOGIN = {"access": "AK", "secret": "a-secret-that-must-not-leak"}


@pytest.mark.parametrize("credential", thorough_after(1, [{"credential": LOGIN}, {}]))
def test_such_a_provider_conforms(credential: dict[str, Any]) -> None:
    assert conformance(SIGNED, **credential).ok


def test_a_variable_is_named_by_a_string() -> None:
    with pytest.raises(InvalidOption, match="the env_key is not the name of a variable"):
        declare_provider("acme", wire=openai_chat, base_url="https://acme.test", env_key={"access": ["A", "B"]})


def test_the_list_of_providers_shows_a_key_only_where_all_are_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from stepwell.cli.main import main

    def shown() -> list[str]:
        main(["providers"])
        lines = capsys.readouterr().out.splitlines()
        at = next(at for at, line in enumerate(lines) if line.startswith("signed "))
        return [lines[at].split()[1], lines[at + 1].strip()]

    stepwell.register(SIGNED)
    try:
        for name in VARIABLES.values():
            assert shown() == ["missing", "SIGNED_ACCESS SIGNED_SECRET"]
            monkeypatch.setenv(name, "x")
        assert shown() == ["present", "SIGNED_ACCESS SIGNED_SECRET"]
    finally:
        stepwell.unregister("signed")
