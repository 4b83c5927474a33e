"""`response.warn(subject, why)`: a step warns about the answer, and the caller reads it on the reply."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from stepwell import Reply, around, assistant, cache, on_response
from stepwell.pipeline.step import Step
from stepwell.steps import Response
from stepwell.testing import FakeModel

from every_way import WAYS, Ask, whole

LATE = "late: answered after the deadline (groq:llama-3.3-70b-versatile)"
MODEL = "groq:llama-3.3-70b-versatile"


@pytest.fixture(params=WAYS)
def ask(request: pytest.FixtureRequest) -> Ask:
    return WAYS[request.param]


def served(*pipeline: Any, **more: Any) -> dict[str, Any]:
    """Return the settings of a client whose server sends a whole answer, also to a streamed call."""
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=whole("hi")))
    return {"transport": transport, "api_keys": {"groq": "k"}, "pipeline": [*pipeline], **more}


def faked(*pipeline: Any) -> dict[str, Any]:
    return {"registry": FakeModel("hi", repeat=True, stands_for="groq:*").registry, "pipeline": [*pipeline]}


@on_response
def warn_late(response: Response) -> Response:
    return response.warn("late", "answered after the deadline")


@around
def warn_around(request: Any, call: Any) -> Any:
    response = yield from call(request)
    response.warn("late", "answered after the deadline")
    return response


@around
def answer_itself(request: Any, call: Any) -> Any:
    return Reply(assistant("mine"))
    yield


@on_response
def warn_at_end(response: Response) -> Response:
    return response.on_end(lambda reply, error: response.warn("late", "answered after the deadline") and None)


def late(reply: Any) -> list[str]:
    return [str(each) for each in reply.warnings if each.subject == "late"]


@pytest.mark.parametrize("settings", [served, faked])
@pytest.mark.parametrize("step", [warn_late, warn_around, warn_at_end], ids=lambda step: step.name)
def test_a_warning_about_an_answer_is_on_its_reply(ask: Ask, settings: Any, step: Step) -> None:
    reply = ask(settings(step), MODEL, "hi")
    assert (reply.text, late(reply)) == ("hi", [LATE])


def test_it_may_be_given_before_the_answer_is_decoded(ask: Ask) -> None:
    def inside(pipeline: Any, provider: Any) -> Any:
        return pipeline.before("send", warn_late)

    from stepwell.declare import override

    assert late(ask(served(), MODEL, "hi", overrides=override(attach=inside))) == [LATE]


def test_the_same_warning_twice_is_one(ask: Ask) -> None:
    assert late(ask(served(warn_late, warn_around, warn_at_end), MODEL, "hi")) == [LATE]


def test_it_may_be_about_an_answer_that_another_step_made(ask: Ask) -> None:
    assert late(ask(served(warn_late, answer_itself), MODEL, "hi")) == [LATE]


def test_it_does_not_change_an_answer_in_a_cache(ask: Ask) -> None:
    store = cache()
    assert late(ask(served(warn_late, store), MODEL, "hi", temperature=0)) == [LATE]
    kept = ask(served(store), MODEL, "hi", temperature=0)
    assert kept.text == "hi" and late(kept) == []
