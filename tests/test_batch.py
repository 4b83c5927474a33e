"""Batches: what is handed in, how they do, and what comes of each call, held against the vendors' own SDKs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import anthropic
import httpx
import httpx2
import openai
import orjson
import pytest
from google.genai import types as google_types
from google.genai.batches import _BatchJob_from_mldev
from mistralai.client.models import BatchJob as MistralBatchJob

import stepwell
from stepwell import AsyncClient, Client, Reply, Tool, errors, on_request
from stepwell.providers.wires.anthropic_messages.samples import SAMPLES as ANTHROPIC
from stepwell.providers.wires.google_generate.samples import SAMPLES as GOOGLE
from stepwell.providers.wires.openai_chat.samples import SAMPLES as OPENAI

PROMPTS = {"first": "Say hello.", "second": "Say goodbye.", "third": "Say nothing."}
MODELS = {
    "openai": "openai:gpt-4o-mini",
    "groq": "groq:llama-3.3-70b-versatile",
    "mistral": "mistral:mistral-large-latest",
    "anthropic": "anthropic:claude-sonnet-4-5",
    "google": "google:gemini-2.5-flash",
}


class Service:
    """A vendor's batch service. Answers the first call, refuses the second, and never comes to the third. It takes
    `rounds` questions of how it is doing until it is done."""

    def __init__(self, rounds: int = 1) -> None:
        self.rounds = rounds
        self.seen: list[httpx.Request] = []
        self.lines: list[Any] = []
        self.created: Any = None
        self.cancelled = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        path = request.url.path.removeprefix("/openai").removeprefix("/v1beta").removeprefix("/v1")
        for pattern, answer in self.routes().items():
            if re.fullmatch(pattern, f"{request.method} {path}"):
                made = answer(request)
                return made if isinstance(made, httpx.Response) else httpx.Response(200, json=made)
        raise AssertionError(f"{request.method} {path}")

    def routes(self) -> dict[str, Callable[[httpx.Request], Any]]:
        raise NotImplementedError

    def settings(self, **how: Any) -> dict[str, Any]:
        keys = dict.fromkeys(MODELS, "k")
        return {"transport": httpx.MockTransport(self), "api_keys": keys, "retries": 0, **how}

    @property
    def over(self) -> bool:
        return self.rounds <= 0

    def asked(self, request: httpx.Request) -> Any:
        self.rounds -= 1
        return self.state()

    def cancel(self, request: httpx.Request) -> Any:
        self.cancelled, self.rounds = True, 0
        return self.state()

    def state(self) -> Any:
        raise NotImplementedError

    def bodies(self) -> dict[str, Any]:
        """The body of each call that was handed in."""
        return {line["custom_id"]: line["body"] for line in self.lines}


class OpenAI(Service):
    def routes(self) -> dict[str, Callable[[httpx.Request], Any]]:
        return {
            "POST /files": self.upload,
            "POST /batches": self.create,
            "GET /batches/batch_1": self.asked,
            "POST /batches/batch_1/cancel": self.cancel,
            "GET /files/out_1/content": lambda request: httpx.Response(200, content=self.output()),
            "GET /files/err_1/content": lambda request: httpx.Response(200, content=self.failures()),
        }

    def upload(self, request: httpx.Request) -> Any:
        parts = httpx.Response(200, content=request.content).content.split(b"\r\n\r\n")
        assert b'name="purpose"' in parts[0] and parts[1].startswith(b"batch\r\n")
        assert b'filename="batch.jsonl"' in parts[1]
        self.lines = [orjson.loads(line) for line in parts[2].split(b"\r\n--")[0].splitlines()]
        return {"id": "file_1", "object": "file", "bytes": 1, "created_at": 1, "filename": "f", "purpose": "batch"}

    def create(self, request: httpx.Request) -> Any:
        self.created = orjson.loads(request.content)
        return self.state()

    def state(self) -> Any:
        status = "cancelled" if self.cancelled else "completed" if self.over else "in_progress"
        return {
            "id": "batch_1",
            "object": "batch",
            "endpoint": "/v1/chat/completions",
            "input_file_id": "file_1",
            "completion_window": "24h",
            "status": status,
            "created_at": 1,
            "request_counts": {"total": 3, "completed": 1 if self.over else 0, "failed": 1 if self.over else 0},
            **({"output_file_id": "out_1", "error_file_id": "err_1"} if self.over else {}),
        }

    def output(self) -> bytes:
        good = {"status_code": 200, "request_id": "r", "body": orjson.loads(OPENAI.text.body)}
        return orjson.dumps({"id": "x", "custom_id": "first", "response": good, "error": None}) + b"\n"

    def failures(self) -> bytes:
        bad = {"status_code": 400, "request_id": "r", "body": {"error": {"message": "no", "code": "bad"}}}
        late = {"code": "batch_expired", "message": "This request could not be executed before the window expired."}
        rows = [
            {"id": "y", "custom_id": "second", "response": bad, "error": None},
            {"id": "z", "custom_id": "third", "response": None, "error": late},
        ]
        return b"\n".join(map(orjson.dumps, rows))


class Mistral(OpenAI):
    def routes(self) -> dict[str, Callable[[httpx.Request], Any]]:
        known = super().routes()
        return {name.replace("/batches", "/batch/jobs"): route for name, route in known.items()}

    def state(self) -> Any:
        status = "CANCELLED" if self.cancelled else "SUCCESS" if self.over else "RUNNING"
        return {
            "id": "batch_1",
            "object": "batch",
            "input_files": ["file_1"],
            "endpoint": "/v1/chat/completions",
            "errors": [],
            "status": status,
            "created_at": 1,
            "total_requests": 3,
            "completed_requests": 2,
            "succeeded_requests": 1,
            "failed_requests": 1,
            **({"output_file": "out_1", "error_file": "err_1"} if self.over else {}),
        }


class Anthropic(Service):
    def routes(self) -> dict[str, Callable[[httpx.Request], Any]]:
        return {
            "POST /messages/batches": self.create,
            "GET /messages/batches/batch_1": self.asked,
            "POST /messages/batches/batch_1/cancel": self.cancel,
            "GET /messages/batches/batch_1/results": lambda request: httpx.Response(200, content=self.output()),
        }

    def create(self, request: httpx.Request) -> Any:
        self.created = orjson.loads(request.content)
        self.lines = [{"custom_id": row["custom_id"], "body": row["params"]} for row in self.created["requests"]]
        return self.state()

    def state(self) -> Any:
        done = {"succeeded": 1, "errored": 1, "expired": 1, "canceled": 0, "processing": 0}
        return {
            "id": "batch_1",
            "type": "message_batch",
            "processing_status": "ended" if self.over else "in_progress",
            "request_counts": done if self.over else {**dict.fromkeys(done, 0), "processing": 3},
            "created_at": "2026-01-01T00:00:00Z",
            "expires_at": "2026-01-02T00:00:00Z",
            "results_url": "https://evil.example/results",
        }

    def output(self) -> bytes:
        error = {"type": "error", "error": {"type": "invalid_request_error", "message": "no"}}
        rows = [
            {"custom_id": "third", "result": {"type": "expired"}},
            {"custom_id": "second", "result": {"type": "errored", "error": error}},
            {"custom_id": "first", "result": {"type": "succeeded", "message": orjson.loads(ANTHROPIC.text.body)}},
        ]
        return b"\n".join(map(orjson.dumps, rows))


class Google(Service):
    def routes(self) -> dict[str, Callable[[httpx.Request], Any]]:
        return {
            "POST /models/gemini-2.5-flash:batchGenerateContent": self.create,
            "GET /batches/1": self.asked,
            "POST /batches/1:cancel": lambda request: self.cancel(request) and {},
        }

    def create(self, request: httpx.Request) -> Any:
        self.created = orjson.loads(request.content)["batch"]
        rows = self.created["inputConfig"]["requests"]["requests"]
        self.lines = [{"custom_id": row["metadata"]["key"], "body": row["request"]} for row in rows]
        return self.state()

    def state(self) -> Any:
        status = "CANCELLED" if self.cancelled else "SUCCEEDED" if self.over else "RUNNING"
        rows = [
            {"metadata": {"key": "first"}, "response": orjson.loads(GOOGLE.text.body)},
            {"metadata": {"key": "second"}, "error": {"code": 3, "message": "no"}},
        ]
        stats = {
            "requestCount": "3",
            **({"successfulRequestCount": "1", "failedRequestCount": "1"} if self.over else {}),
        }
        about = {"state": f"BATCH_STATE_{status}", "batchStats": stats}
        if status == "SUCCEEDED":
            about["output"] = {"inlinedResponses": {"inlinedResponses": rows}}
        return {"name": "batches/1", "metadata": about, "done": self.over}


SERVICES: dict[str, Callable[[], Service]] = {
    "openai": OpenAI,
    "groq": OpenAI,
    "mistral": Mistral,
    "anthropic": Anthropic,
    "google": Google,
}
TEXTS = {"anthropic": ANTHROPIC.text.text, "google": GOOGLE.text.text}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def hand_in(service: Service, model: str, colour: str, **options: Any) -> tuple[str, str, dict[str, Any]]:
    """The id, the last status, and the answers of a batch that was waited for."""

    async def later() -> Any:
        async with AsyncClient(**service.settings()) as client:
            job = await client.submit_batch(model, PROMPTS, **options)
            await job.wait(poll=0)
            return job.id, job.status, await job.results()

    if colour == "async":
        return asyncio.run(later())  # type: ignore[no-any-return]
    with Client(**service.settings()) as client:
        job = client.submit_batch(model, PROMPTS, **options)
        return job.id, job.wait(poll=0).status, job.results()


@pytest.mark.parametrize("colour", ["sync", "async"])
@pytest.mark.parametrize("vendor", SERVICES)
def test_each_call_gets_its_answer_or_its_error(vendor: str, colour: str) -> None:
    service = SERVICES[vendor]()
    id, status, answers = hand_in(service, MODELS[vendor], colour, max_tokens=9)
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
    hand_in(service, MODELS[vendor], "sync", **options)

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
def test_it_is_waited_for_until_it_is_over(vendor: str) -> None:
    service = SERVICES[vendor]()
    service.rounds = 5
    hand_in(service, MODELS[vendor], "sync")
    asked = [request for request in service.seen if request.method == "GET" and request.url.path[-1] == "1"]
    assert len(asked) >= 5
    assert all(request.headers.get("authorization") or _key(request) for request in service.seen)


def _key(request: httpx.Request) -> str | None:
    return request.headers.get("x-api-key") or request.headers.get("x-goog-api-key")


@pytest.mark.parametrize("vendor", SERVICES)
def test_it_is_found_again_by_its_id(vendor: str) -> None:
    service = SERVICES[vendor]()
    with Client(**service.settings()) as client:
        id = client.submit_batch(MODELS[vendor], PROMPTS).id
        found = client.batch_job(MODELS[vendor], id)
        answers = found.wait(poll=0).results()
        assert answers["first"].text == TEXTS.get(vendor, OPENAI.text.text)  # type: ignore[union-attr]
        assert len(answers["first"].context.messages) == 1  # type: ignore[union-attr]


@pytest.mark.parametrize("vendor", SERVICES)
def test_it_may_be_cancelled(vendor: str) -> None:
    service = SERVICES[vendor]()
    service.rounds = 9
    with Client(**service.settings()) as client:
        job = client.submit_batch(MODELS[vendor], PROMPTS)
        assert job.cancel().state.over and service.cancelled


def test_answers_cost_what_a_batch_costs() -> None:
    _, _, answers = hand_in(OpenAI(), MODELS["openai"], "sync")
    reply: Reply = answers["first"]
    prices = stepwell.models.get(MODELS["openai"]).prices
    assert prices is not None and prices.input is not None and prices.output is not None
    full = (12 * prices.input + 7 * prices.output) / Decimal(1_000_000)
    assert reply.cost.total == full / 2
    assert stepwell.cost_report([reply]).total == full / 2


def test_what_the_sdks_read_of_these_services_is_what_we_read() -> None:
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


def test_what_is_handed_in_is_what_the_sdks_would_hand_in() -> None:
    service = OpenAI()
    hand_in(service, MODELS["openai"], "sync", metadata={"team": "a"})
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


def test_betas_of_the_calls_are_asked_for_once_for_all() -> None:
    service = Anthropic()
    hand_in(service, MODELS["anthropic"], "sync", anthropic_beta=["a-1", "b-2"])
    assert service.seen[0].headers["anthropic-beta"] == "a-1,b-2"


def test_what_stands_around_calls_that_are_made_now_is_left_out_but_for_its_own_steps() -> None:
    seen = []
    step = on_request("note", lambda request: seen.append(request.operation) or request)
    budget = stepwell.Budget("0.000000001")
    service = OpenAI()
    with Client(**service.settings(pipeline=budget)) as client:
        client.submit_batch(MODELS["openai"], PROMPTS, pipeline=step).wait(poll=0).results()
    assert set(seen) == {"chat"} and budget.spent == 0


def test_overrides_hold() -> None:
    service = OpenAI()
    with Client(**service.settings()) as client:
        client.override("openai:*", translate_options=[stepwell.declare.force("seed", 7, why="tests")])
        client.submit_batch(MODELS["openai"], PROMPTS)
    assert {body["seed"] for body in service.bodies().values()} == {7}


def test_a_list_is_named_by_its_places() -> None:
    service = OpenAI()
    with Client(**service.settings()) as client:
        client.submit_batch(MODELS["openai"], ["a", [stepwell.user("b")]])
    assert list(service.bodies()) == ["0", "1"]


@pytest.mark.parametrize(
    ("prompts", "message"),
    [
        ([], "a batch without prompts"),
        ("hi", "a batch wants several prompts"),
        (3, "a batch wants several prompts"),
        ({"a b": "hi"}, "'a b' cannot be an id"),
        ({1: "hi"}, "1 cannot be an id"),
        ({"a": ""}, "empty"),
    ],
)
def test_bad_input_is_told_before_anything_is_sent(prompts: Any, message: str) -> None:
    service = OpenAI()
    with Client(**service.settings()) as client, pytest.raises(errors.ConfigError, match=message):
        client.submit_batch(MODELS["openai"], prompts)
    with Client(**service.settings()) as client, pytest.raises(errors.InvalidOption, match="temperature"):
        client.submit_batch(MODELS["openai"], PROMPTS, temperatur=1)
    with pytest.raises(errors.NotSupported, match="fireworks has no batches"):
        Client(api_keys={"fireworks": "k"}).submit_batch("fireworks:x", PROMPTS)
    assert not service.seen


def test_results_are_not_there_before_their_time() -> None:
    service = OpenAI(rounds=9)
    with Client(**service.settings()) as client:
        job = client.submit_batch(MODELS["openai"], PROMPTS)
        with pytest.raises(errors.ConfigError, match=r"is running: 0 of 3 are answered; wait\(\)"):
            job.results()
        with pytest.raises(errors.TotalTimeout, match="still running after 0 s"):
            job.wait(timeout=0, poll=1)
        assert repr(job) == "BatchJob('openai:gpt-4o-mini', id='batch_1', running, 0 of 3)"


def test_a_batch_that_fails_as_a_whole_says_why() -> None:
    service = OpenAI(rounds=0)
    whole = service.state()
    problem = {"data": [{"message": "line 1 is no JSON"}]}
    service.state = lambda: {  # type: ignore[method-assign]
        **{name: value for name, value in whole.items() if not name.endswith("file_id")},
        "status": "failed",
        "errors": problem,
    }
    with Client(**service.settings()) as client:
        job = client.submit_batch(MODELS["openai"], PROMPTS)
        with pytest.raises(errors.InvalidRequest, match="batch batch_1 failed: line 1 is no JSON"):
            job.wait(poll=0).results()


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
    with Client(**service.settings()) as client, pytest.raises(errors.DecodeError, match="a line that is not JSON"):
        client.submit_batch(MODELS["openai"], PROMPTS).results()
