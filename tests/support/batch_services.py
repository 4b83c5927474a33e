"""The vendors' batch services, as far as their own SDKs can tell (see test_batch.py)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import orjson

from stepwell.providers.wires.anthropic_messages.samples import SAMPLES as ANTHROPIC
from stepwell.providers.wires.google_generate.samples import SAMPLES as GOOGLE
from stepwell.providers.wires.openai_chat.samples import SAMPLES as OPENAI

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
        """Return the body of each submitted call."""
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
