"""A FakeModel in a client with a journal: its turns are recorded as a provider's answers are."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from stepwell import AsyncClient, Client, Reply, assistant, jobs, tool
from stepwell.errors import ConnectError, RateLimitError, StreamTruncated
from stepwell.messages import ToolCall
from stepwell.testing import FakeModel, Faults, Pause, Status


def client_of(fake: FakeModel, folder: Path) -> Client:
    return Client(registry=fake.registry, journal=folder / "work.sqlite")


def whole(client: Client, job: str) -> str:
    return client.generate_text("fake:m", "hi", job=job).text


def streamed(client: Client, job: str) -> str:
    return "".join(client.stream_text("fake:m", "hi", job=job).text_deltas())


def test_a_job_that_has_its_answer_takes_no_further_turn(tmp_path: Path) -> None:
    fake = FakeModel("one", "two", "three", "four")
    for _ in range(2):
        with client_of(fake, tmp_path) as client:
            assert client.generate_text("fake:m", "hi", job="a").text == "one"
            assert streamed(client, "b") == "two"
    with client_of(fake, tmp_path) as client:
        assert client.generate_text("fake:m", "hi", job="c").text == "three", "another job is another call"
        assert client.generate_text("fake:m", "hi").text == "four", "without a job, nothing is recorded"
    assert len(fake.requests) == 4
    with jobs(tmp_path / "work.sqlite") as found:
        assert [(job.job, job.state) for job in found] == [("a", "finished"), ("b", "finished"), ("c", "finished")]


def test_async_clients_do_the_same(tmp_path: Path) -> None:
    fake = FakeModel("one", "two")

    async def main() -> list[str]:
        async with AsyncClient(registry=fake.registry, journal=tmp_path / "work.sqlite") as client:
            reply = await client.generate_text("fake:m", "hi", job="a")
            async with client.stream_text("fake:m", "hi", job="b") as stream:
                return [reply.text, *[text async for text in stream.text_deltas()]]

    assert asyncio.run(main()) == asyncio.run(main()) == ["one", "two"]
    assert len(fake.requests) == 2


ANSWERS: list[tuple[str, object, Any]] = [
    ("pauses", ["a", Pause(0), "b"], lambda client: client.generate_text("fake:m", "hi", job="j").text),
    ("a reply", Reply(assistant("ok")), lambda client: client.generate_text("fake:m", "hi", job="j").text),
    ("a call", ToolCall("1", "f", "{}"), lambda client: client.generate_text("fake:m", "hi", job="j").tool_calls),
    ("embed", [[1.0, 0.5]], lambda client: client.embed("fake:m", ["a"], job="j").embeddings),
    ("rerank", [0.1, 0.9], lambda client: client.rerank("fake:m", "q", ["a", "b"], job="j").object),
    ("speak", b"mp3", lambda client: client.speak("fake:m", "hi", job="j").message.content[0].data),
    ("moderate", [True], lambda client: client.moderate("fake:m", ["a"], job="j").object),
    ("list_models", ["m", "n"], lambda client: client.list_models("fake", job="j").object),
    ("count_tokens", 7, lambda client: client.count_tokens("fake:m", "hi", job="j").usage.input_tokens),
]


@pytest.mark.parametrize(("turn", "ask"), [case[1:] for case in ANSWERS], ids=[case[0] for case in ANSWERS])
def test_every_kind_of_turn_is_recorded_as_it_is(turn: object, ask: Any, tmp_path: Path) -> None:
    fake = FakeModel(turn)
    with client_of(fake, tmp_path) as client:
        first = ask(client)
    with client_of(fake, tmp_path) as client:
        assert ask(client) == first
    assert first == ask(_Unrecorded(Client(registry=FakeModel(turn).registry)))


class _Unrecorded:
    """A client whose calls have no job."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        return lambda *arguments, job: call(*arguments)


def test_a_tool_loop_goes_on_at_the_call_that_failed(tmp_path: Path) -> None:
    ran: list[str] = []

    @tool
    def look_up(city: str) -> str:
        """Look a city up."""
        ran.append(city)
        return "sunny"

    fake = FakeModel(ToolCall("1", "look_up", '{"city": "Pune"}'), ConnectError("the network is down"), "Sunny.")

    def ask() -> str:
        with client_of(fake, tmp_path) as client:
            return client.run_tools("fake:m", "How is Pune?", [look_up], job="weather").text

    with pytest.raises(ConnectError):
        ask()
    assert ask() == ask() == "Sunny."
    assert ran == ["Pune"] and len(fake.requests) == 3


@pytest.mark.parametrize("failed", [RateLimitError("slow down"), ["It was ", StreamTruncated("cut")]])
@pytest.mark.parametrize("ask", [whole, streamed])
def test_a_call_that_failed_its_job_takes_the_next_turn(failed: object, ask: Any, tmp_path: Path) -> None:
    fake = FakeModel(failed, "again")
    with client_of(fake, tmp_path) as client, pytest.raises((RateLimitError, StreamTruncated)):
        ask(client, "j")
    for _ in range(2):
        with client_of(fake, tmp_path) as client:
            assert ask(client, "j") == "again"


def test_faults_happen_to_no_recorded_turn(tmp_path: Path) -> None:
    faults = Faults({1: Status(503, retry_after=0), 3: Status(400)})
    fake = FakeModel("one", faults=faults)
    for _ in range(2):
        with client_of(fake, tmp_path) as client:
            assert client.generate_text("fake:m", "hi", job="a").text == "one"
    assert len(faults.requests) == 2
