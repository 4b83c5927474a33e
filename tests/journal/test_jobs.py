"""Jobs of clients: what is there is given, and work goes on where it stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

import stepwell
from stepwell import AsyncClient, Budget, Client, RateLimit, cache, fallback
from stepwell.errors import AuthError, ConfigError, JournalBusy, JournalMismatch, StepError, ToolFailed
from stepwell.journal.log import Log
from stepwell.pipeline.tasks import gather, race
from stepwell.steps import CallModel, Flow, Run, circuit_breaker, concurrency, performing

from loopback import completion
from recordings import Chunks

MODEL, OTHER = "openai:gpt-4.1", "openai:gpt-4.1-mini"
CHAT: dict[str, Any] = {"wire": "openai_chat"}
KEY = "sk-a-key-that-is-never-written"
EVENTS = {"content-type": "text/event-stream"}


class Killed(BaseException):
    """The end of the process."""


class Server:
    """Answers each question with itself, calls the tool `add` for one that ends in ?, and keeps what it was asked."""

    def __init__(self, path: Path) -> None:
        self.path = path / "work.sqlite"
        self.asked: list[str] = []
        self.failing = dict[str, list[int]]()
        self.ran: list[tuple[int, int]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = orjson.loads(request.content)
        text = body["messages"][-1]["content"]
        self.asked.append(f"{body['model']} {text}")
        if statuses := self.failing.get(body["model"]):
            return httpx.Response(
                statuses.pop(0),
                json={"error": {"message": f"no {request.headers['authorization']}"}},
                headers={"retry-after": "0"},
            )
        if body.get("stream"):
            choices = [{"index": 0, "delta": {"content": f"{word} "}} for word in f"on {text}".split()]
            events = [{"id": "c", "model": "m", "choices": [each]} for each in choices]
            events.append({"id": "c", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
            pieces = [b"data: " + orjson.dumps(each) + b"\n\n" for each in events] + [b"data: [DONE]\n\n"]
            return httpx.Response(200, stream=Chunks(tuple(pieces)), headers={"content-type": "text/event-stream"})
        headers = {"content-type": "application/json", "set-cookie": "session=a-cookie-of-the-server"}
        if body.get("tools") and text.endswith("?"):
            call = {"id": "t1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1, "b": 2}'}}
            message = {"role": "assistant", "content": None, "tool_calls": [call]}
            choice = {"index": 0, "finish_reason": "tool_calls", "message": message}
            return httpx.Response(200, content=completion(choices=[choice]), headers=headers)
        return httpx.Response(200, content=completion(f"on {text}"), headers=headers)

    def add(self, a: int, b: int) -> int:
        """Add."""
        self.ran.append((a, b))
        return a + b

    def client(self, **settings: Any) -> Client:
        return Client(
            transport=httpx.MockTransport(self),
            api_keys={"openai": KEY},
            journal=self.path,
            **{"retries": 2, **settings},
        )

    def aclient(self) -> AsyncClient:
        return AsyncClient(transport=httpx.MockTransport(self), api_keys={"openai": KEY}, journal=self.path)


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


def text(server: Server, client: Client) -> Any:
    return client.generate_text(MODEL, "hello", job="j", **CHAT)


def streamed(server: Server, client: Client) -> Any:
    with client.stream_text(MODEL, "hello to you", job="j", **CHAT) as stream:
        return "".join(stream.text_deltas()), stream.reply()


def tools(server: Server, client: Client) -> Any:
    return client.run_tools(MODEL, "1 + 2?", [stepwell.tool(server.add)], job="j", **CHAT)


def streamed_tools(server: Server, client: Client) -> Any:
    stream = client.stream_tools(MODEL, "1 + 2?", [stepwell.tool(server.add)], job="j", **CHAT)
    return [item for item in stream if item.type != "tool_run"], stream.reply()


def workflow(server: Server, client: Client) -> Any:
    return client.run_workflow(branches(server), job="j")


def branches(server: Server) -> Flow:
    """Ask several at once, take a number from outside, and race two."""
    asked = yield from gather([performing(CallModel(MODEL, f"q{at}", CHAT)) for at in range(3)])
    count = yield Run(lambda: (server.add(1, 2), [1.5, b"b", None]), name="a number")
    first = yield from race([performing(CallModel(MODEL, f"r{at} {count}", CHAT)) for at in range(2)])
    return [reply.text for reply in asked], count, first.text


KINDS = [text, streamed, tools, streamed_tools, workflow]


def asynchronously(server: Server, kind: Callable[..., Any]) -> Any:
    async def main() -> Any:
        async with server.aclient() as client:
            if kind is text:
                return await client.generate_text(MODEL, "hello", job="j", **CHAT)
            if kind is streamed:
                async with client.stream_text(MODEL, "hello to you", job="j", **CHAT) as stream:
                    return "".join([piece async for piece in stream.text_deltas()]), await stream.reply()
            if kind is tools:
                return await client.run_tools(MODEL, "1 + 2?", [stepwell.tool(server.add)], job="j", **CHAT)
            if kind is streamed_tools:
                stream = client.stream_tools(MODEL, "1 + 2?", [stepwell.tool(server.add)], job="j", **CHAT)
                return [item async for item in stream if item.type != "tool_run"], await stream.reply()
            return await client.run_workflow(branches(server), job="j")

    return asyncio.run(main())


def synchronously(server: Server, kind: Callable[..., Any]) -> Any:
    with server.client() as client:
        return kind(server, client)


WAYS = [synchronously, asynchronously]


@pytest.fixture
def killed_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Return a list for the number of writes that are still made; empty for all of them."""
    left: list[int] = []
    append = Log.append

    def counted(log: Log, data: bytes) -> int:
        if left and left[0] <= 0:
            raise Killed
        if left:
            left[0] -= 1
        return append(log, data)

    monkeypatch.setattr(Log, "append", counted)
    yield left


@pytest.mark.parametrize("way", WAYS)
def test_a_job_run_again_gives_what_is_there_and_sends_nothing(way: Callable[..., Any], tmp_path: Path) -> None:
    for kind in KINDS:
        server = Server(tmp_path / kind.__name__)
        first = way(server, kind)
        asked, ran = [*server.asked], [*server.ran]
        for again in WAYS:
            assert again(server, kind) == first
        assert (server.asked, server.ran) == (asked, ran)


@pytest.mark.parametrize("way", WAYS)
def test_a_job_that_is_killed_at_any_record_goes_on(
    way: Callable[..., Any], tmp_path: Path, killed_at: list[int]
) -> None:
    for kind in (text, streamed, tools, streamed_tools):
        whole = Server(tmp_path / kind.__name__)
        wanted, asked = way(whole, kind), len(whole.asked)
        for records in range(2, 8):
            server = Server(tmp_path / f"{kind.__name__} {records}")
            killed_at[:] = [records]
            with pytest.raises(Killed):
                way(server, kind)
                raise Killed  # it has fewer records
            killed_at.clear()
            result = way(server, kind)
            reply, whole_reply = (each[-1] if isinstance(each, tuple) else each for each in (result, wanted))
            assert reply.text == whole_reply.text and reply.usage == whole_reply.usage
            sent_twice = len(server.asked) - asked
            assert sent_twice in (0, 1) and reply.maybe_billed >= bool(sent_twice)
            assert way(server, kind) == result and len(server.ran) <= 1 + (not sent_twice)


def test_threads_and_tasks_run_jobs_at_once_and_end_as_they_did_before(server: Server) -> None:
    with server.client() as client:
        for at in range(30):
            first = client.run_workflow(branches(server), job=f"j{at}")
            assert client.run_workflow(branches(server), job=f"j{at}") == first
        flows = [client.in_job(branches(server), "many", str(at)) for at in range(12)]
        results = client.run_workflow(gather(flows))
        flows = [client.in_job(branches(server), "many", str(at)) for at in range(12)]
        asked = len(server.asked)
        assert client.run_workflow(gather(flows)) == results and len(server.asked) == asked
        assert client.journal is not None and client.journal.count("many") == {"finished": 12}


def test_the_first_difference_stops_a_job_past_all_that_a_flow_catches(server: Server) -> None:
    def careless(question: str, model: str = MODEL) -> Flow:
        try:
            first = yield CallModel(MODEL, "the first", CHAT)
            return first.text + (yield CallModel(model, question, {**CHAT, "pipeline": fallback(OTHER)})).text
        except Exception:
            return "caught"

    with server.client() as client:
        client.run_workflow(careless("one"), job="j")
        for flow, what in (
            (careless("two"), r"effect 1\.0: another request, which differs in 'messages'"),
            (careless("one", OTHER), "'model'"),
            (performing(CallModel(MODEL, "the first", CHAT)), "nothing more now"),
            (performing(Run(lambda: 1)), "a call or a task then, a function now"),
        ):
            with pytest.raises(JournalMismatch, match=what) as caught:
                client.run_workflow(flow, job="j")
            assert "two" not in str(caught.value) and caught.value.job == "j"
        assert len(server.asked) == 2 and client.run_workflow(careless("one"), job="j")


def test_what_failed_a_job_is_asked_again_and_nothing_else(server: Server) -> None:
    def work() -> Flow:
        first = yield CallModel(MODEL, "one", CHAT)
        return first.text, (yield CallModel(OTHER, "two", CHAT)).text

    with server.client() as client:
        server.failing["gpt-4.1-mini"] = [401]
        with pytest.raises(AuthError):
            client.run_workflow(work(), job="j")
        (summary,) = stepwell.jobs(server.path)
        assert (summary.state, summary.error, summary.requests) == ("failed", "AuthError", 2)
        assert client.run_workflow(work(), job="j") == ("on one", "on two")
    assert server.asked == ["gpt-4.1 one", "gpt-4.1-mini two", "gpt-4.1-mini two"]


def test_an_error_that_a_flow_caught_is_raised_again_as_the_same(server: Server) -> None:
    def refuse() -> None:
        raise ToolFailed("not today", tool="t", hint="tomorrow")

    def work() -> Flow:
        errors = []
        for fn in (refuse, lambda: int("x"), lambda: {}["missing"]):
            try:
                yield Run(fn, name="fails")
            except Exception as error:
                errors.append((type(error), error.args, getattr(error, "hint", None)))
        return errors

    with server.client() as client:
        assert client.run_workflow(work(), job="j") == client.run_workflow(work(), job="j")
        with pytest.raises(StepError, match="the result of a client cannot be recorded: a Client is no plain data"):
            client.run_workflow(performing(Run(lambda: client, name="a client")), job="k")
        kept = Run(lambda: client, recorded=False)
        assert client.run_workflow(performing(kept), job="k") is client


def test_retries_fallbacks_caches_and_limits_go_the_same_way_again(tmp_path: Path, killed_at: list[int]) -> None:
    def steps() -> list[Any]:
        limits = [concurrency(1), circuit_breaker(failures=1, cooldown=1e6), RateLimit(requests=50)]
        return [cache(tmp_path / "answers.sqlite"), fallback(OTHER), *limits, Budget("1")]

    def work() -> Flow:
        replies = []
        for at in range(3):  # the first opens the circuit, so that the others go to the other model at once
            replies.append((yield CallModel(MODEL, f"q{at % 2}", CHAT)))
        return [(reply.text, reply.model, reply.usage, len(reply.attempts)) for reply in replies]

    def run(server: Server) -> Any:
        with server.client(pipeline=steps(), retries=1) as client:
            return client.run_workflow(work(), job="j")

    whole = Server(tmp_path / "whole")
    whole.failing["gpt-4.1"] = [503] * 2
    wanted, asked = run(whole), len(whole.asked)
    for records in range(2, 14):
        server = Server(tmp_path / str(records))
        (tmp_path / "answers.sqlite").unlink()
        server.failing["gpt-4.1"] = [503] * 2
        killed_at[:] = [records]
        with pytest.raises(Killed):
            run(server)
            raise Killed
        killed_at.clear()
        server.failing["gpt-4.1"] = []  # the other run must not notice that it would be answered now
        assert len(run(server)) == 3 and len(server.asked) <= asked + 1
        count = len(server.asked)
        assert run(server) == run(server) and len(server.asked) == count
    assert run(whole) == wanted and len(whole.asked) == asked


def test_a_finished_job_is_not_counted_again_by_budgets_and_waits_for_no_limit(server: Server) -> None:
    budget, limit = Budget("1"), RateLimit(requests=1, per=1e6)
    with server.client(pipeline=[budget, limit]) as client:
        first = client.generate_text(MODEL, "hello", job="j", **CHAT)
        spent = budget.spent
        assert spent == first.cost.total > 0
        again = client.generate_text(MODEL, "hello", job="j", timeout=0.5, **CHAT)
        assert (again.usage, again.cost, budget.spent, budget.reserved) == (first.usage, first.cost, spent, Decimal(0))


def test_a_tool_that_failed_the_loop_runs_again_and_one_whose_error_was_read_does_not(server: Server) -> None:
    def add(a: int, b: int) -> int:
        """Add."""
        server.ran.append((a, b))
        raise ValueError("too hard")

    with server.client() as client:
        run = lambda on_error: client.run_tools(MODEL, "?", [add], job=on_error, on_tool_error=on_error, **CHAT)
        assert run("tell") == run("tell") and len(server.ran) == 1
        for _ in range(2):
            with pytest.raises(ToolFailed, match="too hard"):
                run("raise")
        assert len(server.ran) == 3


def test_a_stream_left_early_is_sent_again(server: Server) -> None:
    with server.client() as client:
        for _ in client.stream_text(MODEL, "a b c", job="j", **CHAT):
            break
        stream = client.stream_text(MODEL, "a b c", job="j", **CHAT)
        assert stream.reply().text == "on a b c " and stream.reply().maybe_billed and len(server.asked) == 2
        assert client.stream_text(MODEL, "a b c", job="j", **CHAT).reply().maybe_billed and len(server.asked) == 2


def test_a_job_runs_once_at_a_time_and_has_a_name_and_a_journal(server: Server) -> None:
    with server.client() as client:

        def twice() -> Flow:
            yield Run(lambda: client.generate_text(MODEL, "x", job="j", **CHAT), name="inner")

        with pytest.raises(JournalBusy, match="runs in this process already"):
            client.run_workflow(twice(), job="j")
        for name in ("", 17):
            with pytest.raises(ConfigError, match="is not a name"):
                client.generate_text(MODEL, "x", job=name, **CHAT)  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match="belongs to the job of the flow"):
            client.run_workflow(performing(CallModel(MODEL, "x", {"job": "inner"})))
        client.generate_text(MODEL, "without a job", **CHAT)
        client.generate_text(MODEL, "without a job", job=None, **CHAT)
        assert not [each for each in stepwell.jobs(server.path) if each.state == "finished"]
    plain = Client(api_keys={"openai": KEY})
    for call in (
        lambda: plain.generate_text(MODEL, "x", job="j"),
        lambda: plain.stream_text(MODEL, "x", job="j"),
        lambda: plain.run_tools(MODEL, "x", [], job="j"),
        lambda: plain.run_workflow(performing(CallModel(MODEL, "x")), job="j"),
        lambda: Client(durable="power"),
    ):
        with pytest.raises(ConfigError, match="needs a journal"):
            call()


def test_no_credential_is_written(server: Server, tmp_path: Path) -> None:
    with server.client(headers={"x-private": "a-header-of-ours"}) as client:
        text(server, client)
        server.failing["gpt-4.1-mini"] = [401]
        with pytest.raises(AuthError):
            client.generate_text(OTHER, "hi", job="refused", api_key="sk-of-this-call", **CHAT)
        client.generate_text(MODEL, "hi", job="k", base_url="https://x.example/v1?key=a-key-in-a-query", api_key="sk-b")
    event = b'data: {"error": {"message": "no Bearer %s", "code": 401}}\n\n' % KEY.encode()
    quoting = httpx.MockTransport(lambda request: httpx.Response(200, stream=Chunks((event,)), headers=EVENTS))
    with Client(transport=quoting, api_keys={"openai": KEY}, journal=server.path) as client, pytest.raises(AuthError):
        client.stream_text(MODEL, "hi", job="stream", **CHAT).reply()
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for secret in (KEY, "a-cookie-of-the-server", "a-header-of-ours", "sk-of-this-call", "a-key-in-a-query"):
        assert secret.encode() not in written
