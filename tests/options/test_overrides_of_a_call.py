"""Single steps replaced for one call: `overrides=override(...)`."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest

import stepwell
from stepwell.declare import extending, openai_chat, override
from stepwell.errors import InvalidOption, UnknownStep
from stepwell.pipeline.steps.fallback import fallback

from every_way import WAYS, Ask, whole

MODEL = "groq:llama-3.3-70b-versatile"


@pytest.fixture(params=WAYS)
def ask(request: pytest.FixtureRequest) -> Ask:
    return WAYS[request.param]


def settings(seen: list[dict[str, Any]], *statuses: int) -> dict[str, Any]:
    answers = [*statuses]

    def serve(request: httpx.Request) -> httpx.Response:
        seen.append({**orjson.loads(request.content), "path": request.url.path})
        return httpx.Response(answers.pop(0) if answers else 200, content=whole("hi"))

    keys = {"groq": "k", "mistral": "k", "openai": "k"}
    return {"transport": httpx.MockTransport(serve), "api_keys": keys, "retries": 0}


def named(user: str) -> Any:
    return override(build_body=lambda request: {**openai_chat.build_body(request), "user": user})


def test_it_holds_for_that_call(ask: Ask) -> None:
    seen: list[dict[str, Any]] = []
    ask(settings(seen), MODEL, "hi", overrides=named("t7"))
    assert seen[0]["user"] == "t7"


def test_the_last_of_several_wins_and_extends_those_before(ask: Ask) -> None:
    seen: list[dict[str, Any]] = []
    more = override(build_body=extending(lambda inherited, request: {**inherited(request), "metadata": {"team": "a"}}))
    ask(settings(seen), MODEL, "hi", overrides=[named("t7"), named("t8"), more])
    assert (seen[0]["user"], seen[0]["metadata"]) == ("t8", {"team": "a"})


def test_calls_before_and_after_it_are_as_they_were() -> None:
    seen: list[dict[str, Any]] = []
    with stepwell.Client(**settings(seen)) as client:
        for overrides in (None, named("t7"), None, named("t8")):
            client.generate_text(MODEL, "hi", overrides=overrides)
        assert "t7" not in str(client.pipeline_for(MODEL).describe())
    assert [body.get("user") for body in seen] == [None, "t7", None, "t8"]


def test_it_is_narrower_than_the_client_s_whatever_their_patterns() -> None:
    seen: list[dict[str, Any]] = []
    with stepwell.Client(**settings(seen)) as client:
        client.override(MODEL, build_body=named("client").steps["build_body"])
        client.generate_text(MODEL, "hi", overrides=named("call"))
    assert seen[0]["user"] == "call"


@pytest.mark.parametrize(("place", "user"), [({"stream": True}, None), ({"when": lambda request: True}, "t7")])
def test_its_place_is_kept(place: dict[str, Any], user: str | None) -> None:
    seen: list[dict[str, Any]] = []
    with stepwell.Client(**settings(seen)) as client:
        client.generate_text(MODEL, "hi", overrides=override(**named("t7").steps, **place))
    assert seen[0].get("user") == user


def test_another_model_that_the_call_goes_on_to_has_its_own_steps() -> None:
    seen: list[dict[str, Any]] = []
    with stepwell.Client(**settings(seen, 503), pipeline=fallback("mistral:mistral-small-latest")) as client:
        client.generate_text(MODEL, "hi", overrides=named("t7"))
    assert [body.get("user") for body in seen] == ["t7", None]


def test_workflows_pass_it_to_their_calls() -> None:
    seen: list[dict[str, Any]] = []
    with stepwell.Client(**settings(seen)) as client, pytest.raises(stepwell.StepwellError):
        client.generate_object(MODEL, "hi", int, max_repairs=0, overrides=named("t7"))
    with stepwell.Client(**settings(seen)) as client:
        client.run_tools(MODEL, "hi", [], overrides=named("t8"))
    assert [body["user"] for body in seen] == ["t7", "t8"]


@pytest.mark.parametrize("overrides", [{"build_body": len}, [len], "build_body"])
def test_anything_else_is_refused(ask: Ask, overrides: Any) -> None:
    with pytest.raises(InvalidOption, match=r"overrides cannot be a \w+; overrides=stepwell\.declare\.override\("):
        ask(settings([]), MODEL, "hi", overrides=overrides)


def test_a_place_that_the_provider_does_not_have_is_refused(ask: Ask) -> None:
    with pytest.raises(InvalidOption, match="override of this call for wire cohere_chat: groq has no wire"):
        ask(settings([]), MODEL, "hi", overrides=override(wire="cohere_chat", build_body=openai_chat.build_body))
    with pytest.raises(UnknownStep):
        override(bild_body=openai_chat.build_body)  # type: ignore[call-arg]
