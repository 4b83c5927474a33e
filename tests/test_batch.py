"""Batches: what is submitted, their states, and the result of each call, checked against the vendors' own SDKs."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from decimal import Decimal
from typing import Any

import anthropic
import httpx
import httpx2
import openai
import orjson
import pytest
from batch_services import MODELS, SERVICES, Anthropic, Google, Mistral, OpenAI, Service
from google.genai import types as google_types
from google.genai.batches import _BatchJob_from_mldev
from in_turn import in_turn
from mistralai.client.models import BatchJob as MistralBatchJob

import stepwell
from stepwell import AsyncClient, Client, Reply, Tool, errors, on_request
from stepwell.providers.wires.anthropic_messages.samples import SAMPLES as ANTHROPIC
from stepwell.providers.wires.google_generate.samples import SAMPLES as GOOGLE
from stepwell.providers.wires.openai_chat.samples import SAMPLES as OPENAI

pytestmark = pytest.mark.usefixtures("no_sleep")

PROMPTS = {"first": "Say hello.", "second": "Say goodbye.", "third": "Say nothing."}

TEXTS = {"anthropic": ANTHROPIC.text.text, "google": GOOGLE.text.text}


def submit_and_wait(service: Service, model: str, driver: str, **options: Any) -> tuple[str, str, dict[str, Any]]:
    """Submit a batch, wait for it, and return its id, last status and answers."""

    async def later() -> Any:
        async with AsyncClient(**service.settings()) as client:
            job = await client.submit_batch(model, PROMPTS, **options)
            await job.wait(poll=0)
            return job.id, job.status, await job.results()

    if driver == "async":
        return asyncio.run(later())  # type: ignore[no-any-return]
    with Client(**service.settings()) as client:
        job = client.submit_batch(model, PROMPTS, **options)
        return job.id, job.wait(poll=0).status, job.results()


@pytest.mark.parametrize("driver", ["sync", "async"])
@pytest.mark.parametrize("vendor", SERVICES)
def test_each_call_gets_its_answer_or_its_error(vendor: str, driver: str) -> None:
    service = SERVICES[vendor]()
    id, status, answers = submit_and_wait(service, MODELS[vendor], driver, max_tokens=9)
    assert status == "done" and id.endswith("1") and list(answers) == list(PROMPTS)
    first, second, third = answers.values()
    assert first.text == TEXTS.get(vendor, OPENAI.text.text)
    assert first.context.messages[0].text == PROMPTS["first"] and first.provider == vendor
    assert type(second) is errors.InvalidRequest and "no" in str(second)
    assert type(third) is errors.ProviderError and "third has no answer" in str(third)


@pytest.mark.parametrize("vendor", SERVICES)
def test_the_bodies_are_those_of_single_calls(vendor: str) -> None:
    service, single = SERVICES[vendor](), []
    options: dict[str, Any] = {
        "max_tokens": 9,
        "temperature": 0,
        "system": "Be brief.",
        "tools": [Tool("look", "Look.")],
    }
    submit_and_wait(service, MODELS[vendor], "sync", **options)

    def note(request: httpx.Request) -> httpx.Response:
        single.append(orjson.loads(request.content))
        return httpx.Response(500)

    with Client(**service.settings(transport=httpx.MockTransport(note))) as client:
        for prompt in PROMPTS.values():
            with pytest.raises(errors.ServerError):
                client.generate_text(MODELS[vendor], prompt, **options)
    if vendor == "mistral":
        assert {service.created["model"]} == {body.pop("model") for body in single}
    assert list(service.bodies().values()) == single


@pytest.mark.parametrize("vendor", SERVICES)
def test_waiting_for_a_batch_ends_with_the_batch(vendor: str) -> None:
    service = SERVICES[vendor]()
    service.rounds = 5
    submit_and_wait(service, MODELS[vendor], "sync")
    asked = [request for request in service.seen if request.method == "GET" and request.url.path[-1] == "1"]
    assert len(asked) >= 5
    assert all(request.headers.get("authorization") or _key(request) for request in service.seen)


def _key(request: httpx.Request) -> str | None:
    return request.headers.get("x-api-key") or request.headers.get("x-goog-api-key")


@pytest.mark.parametrize("vendor", SERVICES)
def test_a_batch_is_found_by_its_id(vendor: str) -> None:
    service = SERVICES[vendor]()
    with Client(**service.settings()) as client:
        id = client.submit_batch(MODELS[vendor], PROMPTS).id
        found = client.batch_job(MODELS[vendor], id)
        answers = found.wait(poll=0).results()
        assert answers["first"].text == TEXTS.get(vendor, OPENAI.text.text)  # type: ignore[union-attr]
        assert len(answers["first"].context.messages) == 1  # type: ignore[union-attr]


@pytest.mark.parametrize("vendor", SERVICES)
def test_a_batch_can_be_cancelled(vendor: str) -> None:
    service = SERVICES[vendor]()
    service.rounds = 9
    with Client(**service.settings()) as client:
        job = client.submit_batch(MODELS[vendor], PROMPTS)
        assert job.cancel().state.over and service.cancelled


def test_answers_have_the_price_of_a_batch() -> None:
    _, _, answers = submit_and_wait(OpenAI(), MODELS["openai"], "sync")
    reply: Reply = answers["first"]
    prices = stepwell.models.get(MODELS["openai"]).prices
    assert prices is not None and prices.input is not None and prices.output is not None
    full = (12 * prices.input + 7 * prices.output) / Decimal(1_000_000)
    assert reply.cost.total == full / 2
    assert stepwell.costs.cost_report([reply]).total == full / 2


@pytest.mark.usefixtures("new_process")
def test_answers_of_these_services_decode_to_the_same_as_in_the_sdks() -> None:
    """The services above are the vendors', as far as their own SDKs can tell."""
    service = OpenAI(rounds=0)

    def theirs(service: Service) -> httpx2.Client:
        def handle(request: httpx2.Request) -> httpx2.Response:
            answer = service(httpx.Request(request.method, str(request.url)))
            return httpx2.Response(answer.status_code, content=answer.content, headers=answer.headers)

        return httpx2.Client(transport=httpx2.MockTransport(handle))

    sdk = openai.OpenAI(api_key="k", http_client=theirs(service))
    batch = sdk.batches.retrieve("batch_1")
    assert (batch.status, batch.output_file_id, batch.error_file_id) == ("completed", "out_1", "err_1")
    assert sdk.files.content("out_1").content == service.output()

    claude = anthropic.Anthropic(api_key="k", http_client=theirs(Anthropic(rounds=0)))
    assert claude.messages.batches.retrieve("batch_1").request_counts.succeeded == 1

    job = MistralBatchJob.model_validate(Mistral(rounds=0).state())
    assert (job.status, job.output_file) == ("SUCCESS", "out_1")

    gemini = google_types.BatchJob._from_response(response=_BatchJob_from_mldev(Google(rounds=0).state()), kwargs={})
    assert gemini.state is not None and gemini.state.name == "JOB_STATE_SUCCEEDED"
    assert gemini.dest is not None and gemini.dest.inlined_responses is not None
    assert len(gemini.dest.inlined_responses) == 2


def test_submitted_batches_equal_those_of_the_sdks() -> None:
    service = OpenAI()
    submit_and_wait(service, MODELS["openai"], "sync", metadata={"team": "a"})
    assert service.created == {
        "input_file_id": "file_1",
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
        "metadata": {"team": "a"},
    }
    assert {(line["method"], line["url"]) for line in service.lines} == {("POST", "/v1/chat/completions")}


def test_the_wire_may_be_named() -> None:
    service = OpenAI()
    with Client(**service.settings()) as client:
        client.submit_batch("openai:gpt-5", PROMPTS, wire="openai_responses")
    assert service.created["endpoint"] == "/v1/responses" and service.lines[0]["url"] == "/v1/responses"
    assert "input" in service.bodies()["first"]


def test_betas_of_a_batchs_calls_are_requested_once() -> None:
    service = Anthropic()
    submit_and_wait(service, MODELS["anthropic"], "sync", provider_options={"anthropic_beta": ["a-1", "b-2"]})
    assert service.seen[0].headers["anthropic-beta"] == "a-1,b-2"


def test_a_batch_leaves_out_steps_around_calls_except_its_own() -> None:
    seen = []
    step = on_request("note", lambda request: seen.append(request.operation) or request)
    of_client: list[str] = []
    outer = on_request("outer", lambda request: of_client.append(request.operation) or request)
    service = OpenAI()
    with Client(**service.settings(pipeline=outer)) as client:
        client.submit_batch(MODELS["openai"], PROMPTS, pipeline=step).wait(poll=0).results()
    assert set(seen) == {"chat"} and "chat" not in of_client


def with_budget(where: str, budget: stepwell.Budget) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings of a client and the options of a call, one of which has the budget."""
    return ({"pipeline": budget}, {}) if where == "client" else ({}, {"pipeline": budget})


@pytest.mark.parametrize("where", ["client", "call"])
@pytest.mark.parametrize("vendor", SERVICES)
def test_a_budget_reserves_a_batch_when_it_is_submitted_and_settles_it_when_it_is_read(vendor: str, where: str) -> None:
    budget, service = stepwell.Budget("5", tokens=10**6), SERVICES[vendor]()
    of_client, of_call = with_budget(where, budget)
    with Client(**service.settings(**of_client)) as client:
        job = client.submit_batch(MODELS[vendor], PROMPTS, max_tokens=9, **of_call)
        assert budget.spent == 0 and 0 < budget.reserved < budget.limit  # type: ignore[operator]
        answers = job.wait(poll=0).results()
        costs = [answer.cost.total for answer in answers.values() if isinstance(answer, Reply)]
        assert budget.reserved == 0 and budget.calls == len(costs) and budget.tokens_used > 0
        if None in costs:  # nobody knows what a batch costs there
            assert budget.estimated > 0 == budget.spent
        else:
            assert budget.spent == sum(costs) > 0 == budget.estimated  # type: ignore[arg-type]
        job.results()
        assert budget.calls == len(costs), "counted once"


@pytest.mark.parametrize("where", ["client", "call"])
def test_a_batch_that_a_budget_cannot_pay_is_not_submitted(where: str) -> None:
    for budget in (stepwell.Budget("0.000000001"), stepwell.Budget(tokens=20)):
        service = OpenAI()
        of_client, of_call = with_budget(where, budget)
        with Client(**service.settings(**of_client)) as client:
            with pytest.raises(errors.BudgetExceeded, match="the batch of 3 calls to openai"):
                client.submit_batch(MODELS["openai"], PROMPTS, max_tokens=9, **of_call)
        assert not service.seen and budget.reserved == 0 and budget.tokens_used == 0


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("uploaded", [False, True])
def test_a_batch_that_was_refused_costs_nothing_and_one_whose_answer_was_lost_its_estimate(
    lost: bool, uploaded: bool
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/files") and uploaded:
            return httpx.Response(200, json={"id": "file-1", "object": "file"})
        if lost:
            raise httpx.ReadError("it broke")
        return httpx.Response(400, json={"error": {"message": "no"}})

    budget = stepwell.Budget("5")
    with Client(**OpenAI().settings(transport=httpx.MockTransport(answer), pipeline=budget)) as client:
        with pytest.raises(errors.StreamTruncated if lost else errors.InvalidRequest):
            client.submit_batch(MODELS["openai"], PROMPTS, max_tokens=9)
    assert budget.reserved == budget.spent == 0 and (budget.estimated > 0) is (lost and uploaded)


@in_turn("vendor", SERVICES)
def test_a_batch_that_may_have_been_created_is_not_created_again(vendor: str) -> None:
    """A server that refuses it, or cannot be reached, has not; one that breaks off, or fails at its end, may have."""
    for broken, times in (
        (httpx.ReadError("it broke"), 1),
        (httpx.ReadTimeout("late"), 1),
        (500, 1),
        (502, 1),
        (504, 1),
        (httpx.ConnectError("no"), 2),
        (429, 2),
        (503, 2),
    ):
        service, created = SERVICES[vendor](), []

        def answer(request: httpx.Request, service: Any = service, created: Any = created, broken: Any = broken) -> Any:
            answered = service(request)
            if request.method == "POST" and "file" not in request.url.path:
                created.append(request)
                if len(created) == 1:
                    if isinstance(broken, int):
                        return httpx.Response(broken, headers={"retry-after": "0"})
                    raise broken
            return answered

        budget = stepwell.Budget("5")
        settings = service.settings(transport=httpx.MockTransport(answer), pipeline=budget) | {"retries": 2}
        failed = (errors.TransportError, errors.ServerError)
        with Client(**settings) as client, pytest.raises(failed) if times == 1 else nullcontext():
            client.submit_batch(MODELS[vendor], PROMPTS, max_tokens=9)
        assert len(created) == times and (budget.estimated > 0) is (times == 1)


def test_overrides_apply_to_batches() -> None:
    service = OpenAI()
    with Client(**service.settings()) as client:
        client.override("openai:*", translate_options=[stepwell.declare.force("seed", 7, why="tests")])
        client.submit_batch(MODELS["openai"], PROMPTS)
    assert {body["seed"] for body in service.bodies().values()} == {7}


def test_a_list_is_numbered_by_its_indexes() -> None:
    service = OpenAI()
    with Client(**service.settings()) as client:
        client.submit_batch(MODELS["openai"], ["a", [stepwell.user("b")]])
    assert list(service.bodies()) == ["0", "1"]


@pytest.mark.parametrize(
    ("prompts", "message"),
    [
        ([], "a batch without prompts"),
        ("hi", "a batch needs several prompts"),
        (3, "a batch needs several prompts"),
        ({"a b": "hi"}, "'a b' cannot be an id"),
        ({1: "hi"}, "1 cannot be an id"),
        ({"a": ""}, "empty"),
    ],
)
def test_bad_input_is_reported_before_anything_is_sent(prompts: Any, message: str) -> None:
    service = OpenAI()
    with Client(**service.settings()) as client, pytest.raises(errors.ConfigError, match=message):
        client.submit_batch(MODELS["openai"], prompts)
    with Client(**service.settings()) as client, pytest.raises(errors.InvalidOption, match="temperature"):
        client.submit_batch(MODELS["openai"], PROMPTS, temperatur=1)
    with pytest.raises(errors.NotSupported, match="fireworks has no batch API"):
        Client(api_keys={"fireworks": "k"}).submit_batch("fireworks:x", PROMPTS)
    assert not service.seen


def test_results_before_the_end_of_a_batch_are_an_error() -> None:
    service = OpenAI(rounds=9)
    with Client(**service.settings()) as client:
        job = client.submit_batch(MODELS["openai"], PROMPTS)
        with pytest.raises(errors.ConfigError, match=r"is running: 0 of 3 are answered; wait\(\)"):
            job.results()
        with pytest.raises(errors.TotalTimeout, match="still running after 0 s"):
            job.wait(timeout=0, poll=1)
        assert repr(job) == "BatchJob('openai:gpt-4o-mini', id='batch_1', running, 0 of 3)"


def test_a_batch_that_fails_completely_reports_the_reason() -> None:
    service = OpenAI(rounds=0)
    whole = service.state()
    problem = {"data": [{"message": "line 1 is no JSON"}]}
    service.state = lambda: {  # type: ignore[method-assign]
        **{name: value for name, value in whole.items() if not name.endswith("file_id")},
        "status": "failed",
        "errors": problem,
    }
    budget = stepwell.Budget("5")
    with Client(**service.settings(pipeline=budget)) as client:
        job = client.submit_batch(MODELS["openai"], PROMPTS, max_tokens=9)
        assert budget.reserved > 0 and job.wait(poll=0).status == "failed"
        assert budget.reserved == budget.spent == budget.estimated == 0, "also if its results are never read"
        with pytest.raises(errors.InvalidRequest, match="batch batch_1 failed: line 1 is no JSON"):
            job.results()


def test_an_id_leads_nowhere_else() -> None:
    service = OpenAI()
    with Client(**service.settings()) as client:
        with pytest.raises(errors.UnknownModel):
            client.batch_job(MODELS["openai"], "../files")
        with pytest.raises(AssertionError, match="GET /batches/a%3Fb|a\\?b"):
            client.batch_job(MODELS["openai"], "a?b")
    assert "?" not in str(service.seen[-1].url)


def test_answers_of_a_line_that_is_no_json_are_an_error() -> None:
    service = OpenAI(rounds=0)
    service.output = lambda: b"<html>"  # type: ignore[method-assign]
    with Client(**service.settings()) as client, pytest.raises(errors.DecodeError, match="no line of the batch"):
        client.submit_batch(MODELS["openai"], PROMPTS).results()


class Confused(OpenAI):
    """A service that answers the first call twice, differently, and a call that was never made."""

    def output(self) -> bytes:
        row = orjson.loads(super().output())
        other = orjson.loads(orjson.dumps(row))
        other["response"]["body"]["choices"][0]["message"]["content"] = "another"
        return b"\n".join(map(orjson.dumps, (row, row, other, {**row, "custom_id": "nobody"})))


@pytest.mark.parametrize("driver", ["sync", "async"])
def test_results_are_checked_against_the_requests(driver: str) -> None:
    _, _, answers = submit_and_wait(Confused(), MODELS["openai"], driver)
    assert list(answers) == list(PROMPTS)
    assert type(answers["first"]) is errors.DecodeError and "2 different answers" in str(answers["first"])
