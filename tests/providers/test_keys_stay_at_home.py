"""A key of the environment goes to its provider's own hosts only, wherever a step sends the call."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from stepwell.declare import declare_provider, openai_chat
from stepwell.errors import ConfigError, MissingKey, StepError, UnknownModel
from stepwell.pipeline.edits import PipelineEdits
from stepwell.providers.declare.registry import Registry
from stepwell.schemas.secret import Secret
from stepwell.steps import Request, around, on_request

from every_way import WAYS, Ask, whole

HOME = "https://fleet.test/v1"
AWAY = "https://fleet.test.evil.test/v1"


@pytest.fixture(params=WAYS)
def ask(request: pytest.FixtureRequest) -> Ask:
    return WAYS[request.param]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET_KEY", "of-the-environment")


def moved(url: str) -> Any:
    return lambda request: request.replace(url=url)


def rebased(request: Request) -> Request:
    return request.replace(base_url=AWAY)


def by_call(request: Request, call: Any) -> Any:
    return (yield from call(moved(AWAY)(request)))


def settings(seen: list[httpx.Request], *, pipeline: Any = None, **facts: Any) -> dict[str, Any]:
    def serve(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=whole("hi"))

    facts = {"base_url": HOME, "env_key": "FLEET_KEY", "trusted_hosts": (".fleet.test",), **facts}
    registry = Registry()
    registry.register(declare_provider("fleet", wire=openai_chat, **facts))
    return {"transport": httpx.MockTransport(serve), "registry": registry, "pipeline": pipeline}


MOVES: dict[str, dict[str, Any]] = {
    "prepare_request": {"prepare_request": moved(AWAY)},
    "attach": {"attach": lambda steps, provider: steps.before("authenticate", on_request("away", moved(AWAY)))},
    "another step": {"pipeline": PipelineEdits().before("authenticate", on_request("away", moved(AWAY)))},
    "a step around": {"pipeline": PipelineEdits().before("retry", around("away", by_call))},
    "another base": {"pipeline": PipelineEdits().before("prepare_request", on_request("away", rebased))},
    "several keys": {"env_key": {"key": "FLEET_KEY"}, "prepare_request": moved(AWAY), "auth": lambda request: request},
    "a generator": {"prepare_request": moved(AWAY), "auth": lambda request, call: (yield from call(request))},
}


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_it_is_sent_nowhere_else(ask: Ask, move: dict[str, Any]) -> None:
    seen: list[httpx.Request] = []
    with pytest.raises(MissingKey, match=r"no API key for fleet at fleet\.test\.evil\.test"):
        ask(settings(seen, **move), "fleet:m", "hi")
    assert not seen


@pytest.mark.parametrize("url", ["http://eu.fleet.test/v1/chat", "https://evil.test@fleet.test/v1", "//fleet.test/v1"])
def test_an_address_that_only_looks_like_its_own_is_another(ask: Ask, url: str) -> None:
    seen: list[httpx.Request] = []
    with pytest.raises((MissingKey, ConfigError)):
        ask(settings(seen, prepare_request=moved(url)), "fleet:m", "hi")
    assert not seen


@pytest.mark.parametrize(
    "url", ["https://eu.fleet.test/v3/chat", "https://fleet.test/v2?x=1", "https://fleet.test:443/v"]
)
def test_its_own_hosts_get_it(ask: Ask, url: str) -> None:
    seen: list[httpx.Request] = []
    ask(settings(seen, prepare_request=moved(url)), "fleet:m", "hi")
    assert seen[0].headers["authorization"] == "Bearer of-the-environment"


@pytest.mark.parametrize("variable", ["http://box:8000", "https://proxy.test/v1"])
def test_so_does_the_address_of_the_environment(ask: Ask, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET_URL", variable)
    seen: list[httpx.Request] = []
    ask(settings(seen, base_url_env="FLEET_URL"), "fleet:m", "hi")
    assert str(seen[0].url).startswith(variable) and seen[0].headers["authorization"] == "Bearer of-the-environment"


def shown(request: Request) -> Request:
    return request.with_headers(x_key=request.credential.reveal())


MINE = on_request("mine", lambda request: request.replace(credential=Secret("given")))


@pytest.mark.parametrize("given", [{"api_key": "given"}, {"pipeline": PipelineEdits().before("retry", MINE)}])
def test_a_key_that_was_given_goes_where_the_step_sends_it(ask: Ask, given: dict[str, Any]) -> None:
    seen: list[httpx.Request] = []
    ask(settings(seen, prepare_request=moved(AWAY), auth=shown), "fleet:m", "hi", **given)
    assert seen[0].headers["x-key"] == "given"


# What prepare_request raises.


def test_a_failure_of_a_declarations_prepare_request_names_the_step(ask: Ask) -> None:
    def route(request: Request) -> Request:
        region, _name = request.model.id.split("/")
        return request.replace(url=f"https://{region}.fleet.test/v1")

    with pytest.raises(StepError, match="prepare_request raised ValueError for fleet:nonsense") as caught:
        ask(settings([], prepare_request=route), "fleet:nonsense", "hi")
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_typed_error_of_it_passes_unchanged(ask: Ask) -> None:
    def route(request: Request) -> Request:
        raise UnknownModel(f"the fleet has no {request.model.id}")

    with pytest.raises(UnknownModel, match="the fleet has no nonsense"):
        ask(settings([], prepare_request=route), "fleet:nonsense", "hi")
