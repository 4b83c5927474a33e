"""Steps: their order, what they may change, how they halt and recover; streamed and not, sync and async."""

from __future__ import annotations

from typing import Any

import pytest

from stepwell import Stream, around, on_chunk, on_error, on_request, on_response
from stepwell.pipeline.step import Step
from stepwell.schemas.chunks import TextDelta
from stepwell.schemas.errors import ConfigError, InvalidOption, StepError, UnknownStep
from stepwell.schemas.reply_chunks import chunks_of
from stepwell.steps import Halt, Pipeline

from driving import Drive, World, answered, drive_sync, reply, request


@pytest.fixture(params=[False, True], ids=["unstreamed", "streamed"])
def stream(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def tracing(name: str, trace: list[str]) -> Step:
    def run(asked: Any, call: Any) -> Any:
        trace.append(f"{name} in")
        try:
            response = yield from call(asked)
        except Exception:
            trace.append(f"{name} error")
            raise
        trace.append(f"{name} out")
        return response

    return around(name, run)


def text_of(response: Any) -> str:
    if response.reply is not None:
        return str(response.reply.text)
    return Stream(response, World([]).perform).reply().text


def answer(stream: bool) -> Any:
    """Answer as the network does: with a decoded reply, or a stream of its chunks."""
    from stepwell.pipeline.http.response import Response

    return (lambda asked: Response(asked, ready=chunks_of(reply()))) if stream else answered()


def test_requests_go_in_order_and_responses_come_back_in_reverse(drive: Drive, stream: bool) -> None:
    trace: list[str] = []
    drive(Pipeline([tracing("a", trace), tracing("b", trace)]), World([answer(stream)]), request(stream=stream))
    assert trace == ["a in", "b in", "b out", "a out"]


def test_a_request_step_changes_the_request(drive: Drive) -> None:
    world = World([answered()])
    drive(Pipeline([on_request("tag", lambda asked: asked.with_headers(x_tag="1"))]), world)
    assert world.sent[0].headers == {"x-tag": "1"}


def test_a_request_step_that_returns_a_reply_skips_the_network_and_the_other_request_steps(
    drive: Drive, stream: bool
) -> None:
    trace: list[str] = []
    steps = [
        on_response("outer", lambda response: trace.append("outer") or response),
        on_request("halt", lambda asked: reply("cached")),
        on_request("skipped", lambda asked: trace.append("skipped") or asked),
        on_response("inner", lambda response: trace.append("inner") or response),
    ]
    response = drive(Pipeline(steps), World([]), request(stream=stream))
    assert text_of(response) == "cached"
    assert trace == ["inner", "outer"], "every response step runs on a halted reply"


def test_halt_ends_the_call_and_nothing_else_runs(drive: Drive, stream: bool) -> None:
    trace: list[str] = []
    steps = [
        on_response("never", lambda response: trace.append("never") or response),
        on_error("nor this", lambda asked, error: trace.append("error")),
        on_request("halt", lambda asked: Halt(reply("stop here"))),
    ]
    assert text_of(drive(Pipeline(steps), World([]), request(stream=stream))) == "stop here"
    assert trace == []


def test_halt_can_end_the_call_with_an_error_that_no_step_recovers(drive: Drive) -> None:
    steps = [on_error("recover", lambda asked, error: reply()), on_request("halt", lambda asked: Halt(KeyError("no")))]
    with pytest.raises(KeyError):
        drive(Pipeline(steps), World([]))


def test_finally_blocks_run_when_a_step_halts(drive: Drive) -> None:
    trace: list[str] = []

    def run(asked: Any, call: Any) -> Any:
        try:
            return (yield from call(asked))
        finally:
            trace.append("cleaned up")

    drive(Pipeline([around("clean", run), on_request("halt", lambda asked: Halt(reply()))]), World([]))
    assert trace == ["cleaned up"]


def test_an_error_step_recovers_and_the_response_steps_outside_it_run(drive: Drive, stream: bool) -> None:
    trace: list[str] = []
    steps = [
        on_response("after", lambda response: trace.append("after") or response),
        on_error("recover", lambda asked, error: reply("sorry")),
        on_error("passes", lambda asked, error: trace.append(type(error).__name__)),
    ]
    response = drive(Pipeline(steps), World([ValueError("broken")]), request(stream=stream))
    assert text_of(response) == "sorry"
    assert trace == ["ValueError", "after"]


def test_an_error_step_may_put_another_error_in_its_place(drive: Drive) -> None:
    steps = [on_error("rename", lambda asked, error: LookupError("renamed"))]
    with pytest.raises(LookupError, match="renamed"):
        drive(Pipeline(steps), World([ValueError("broken")]))


def test_a_response_step_that_returns_an_error_starts_it_for_the_steps_outside(drive: Drive) -> None:
    trace: list[str] = []
    steps = [
        on_error("recover", lambda asked, error: reply("better")),
        on_response("skipped", lambda response: trace.append("skipped") or response),
        on_response("refuse", lambda response: ValueError("not good enough")),
    ]
    assert text_of(drive(Pipeline(steps), World([answered()]))) == "better"
    assert trace == []


def test_a_chunk_step_sees_streamed_and_unstreamed_answers_alike(drive: Drive, stream: bool) -> None:
    def shout(chunk: Any) -> Any:
        return TextDelta(chunk.text.upper(), chunk.index) if isinstance(chunk, TextDelta) else None

    response = drive(Pipeline([on_chunk(shout)]), World([answer(stream)]), request(stream=stream))
    assert text_of(response) == "HELLO"


def test_a_chunk_step_with_state_can_add_chunks_at_the_end(drive: Drive, stream: bool) -> None:
    class Counting:
        def __init__(self) -> None:
            self.letters = 0

        def feed(self, chunks: list[Any]) -> list[Any]:
            self.letters += sum(len(chunk.text) for chunk in chunks if isinstance(chunk, TextDelta))
            return chunks

        def flush(self) -> list[Any]:
            return [TextDelta(f" ({self.letters})", 0)]

    pipeline = Pipeline([on_chunk("count", Counting)])
    for _ in range(2):
        response = drive(pipeline, World([answer(stream)]), request(stream=stream))
        assert text_of(response) == "hello (5)", "each answer has a stage of its own"


def test_a_function_of_chunks_is_made_for_each_answer_from_its_request(drive: Drive, stream: bool) -> None:
    def numbered(request: Any) -> Any:
        seen: list[Any] = []

        def number(chunk: Any) -> Any:
            if not isinstance(chunk, TextDelta):
                return None
            seen.append(chunk)
            return TextDelta(f"{request.model.id}{len(seen)}:{chunk.text}", chunk.index)

        return number

    class Ending:
        def __init__(self, request: Any) -> None:
            self.model = request.model.id

        def feed(self, chunks: list[Any]) -> list[Any]:
            return chunks

        def flush(self) -> list[Any]:
            return [TextDelta(f" {self.model}", 0)]

    sent = request(stream=stream)
    id = sent.model.id
    for _ in range(2):
        response = drive(Pipeline([on_chunk(make=numbered)]), World([answer(stream)]), sent)
        assert text_of(response).startswith(f"{id}1:h"), "each answer has a function of its own"
    for make in (Ending, lambda request: Ending(request)):
        step = on_chunk("ending", make=make)
        assert step.name == "ending"
        assert text_of(drive(Pipeline([step]), World([answer(stream)]), sent)) == f"hello {id}"


def test_a_factory_and_a_function_of_chunks_cannot_be_confused(drive: Drive, stream: bool) -> None:
    mistakes: list[tuple[Any, str]] = [
        (on_chunk("mine", lambda request: lambda chunk: None), "a function that makes one .* is passed as make="),
        (on_chunk("mine", make=lambda chunk: None), "make= .* returned NoneType .* passed without make="),
        (on_chunk("mine", make=lambda request: lambda: None), "does not fit"),
    ]
    for step, says in mistakes:
        with pytest.raises((StepError, InvalidOption), match=says):
            text_of(drive(Pipeline([step]), World([answer(stream)]), request(stream=stream)))
    with pytest.raises(InvalidOption, match="a function or make=, not both"):
        on_chunk("mine", lambda chunk: None, make=lambda request: None)  # type: ignore[call-overload]
    with pytest.raises(InvalidOption, match="cannot be a int"):
        on_chunk(make=3)  # type: ignore[arg-type]


def test_a_chunk_step_drops_with_an_empty_list(drive: Drive, stream: bool) -> None:
    drop = on_chunk("drop", lambda chunk: [] if isinstance(chunk, TextDelta) else chunk)
    assert text_of(drive(Pipeline([drop]), World([answer(stream)]), request(stream=stream))) == ""


def test_on_end_is_called_once_with_how_a_stream_ended() -> None:
    reported: list[Any] = []
    steps = [on_response("end", lambda response: response.on_end(lambda reply, error: reported.append((reply, error))))]
    response = drive_sync(Pipeline(steps), World([answer(True)]), request(stream=True))
    stream = Stream(response, World([]).perform)
    assert reported == []
    stream.reply()
    stream.close()
    assert [(reply.text, error) for reply, error in reported] == [("hello", None)]


@pytest.mark.parametrize(
    "step", [on_request("bad", lambda asked: None), on_response("bad", lambda response: 3)], ids=["request", "response"]
)
def test_a_step_that_returns_the_wrong_thing_is_named(step: Step) -> None:
    with pytest.raises(StepError, match="step 'bad' returned"):
        drive_sync(Pipeline([step]), World([answered()]))


def step(name: str) -> Step:
    return on_request(name, lambda asked: asked)


def test_an_around_step_may_return_a_reply_of_its_own(drive: Drive, stream: bool) -> None:
    def cached(asked: Any, call: Any) -> Any:
        return reply("kept")
        yield

    for run in (cached, lambda asked, call: reply("kept")):
        trace: list[str] = []
        response = drive(Pipeline([tracing("a", trace), around("cache", run)]), World([]), request(stream=stream))
        assert text_of(response) == "kept" and trace == ["a in", "a out"]


def test_an_around_step_may_hand_on_the_rest_of_the_pipeline(drive: Drive, stream: bool) -> None:
    step = around("through", lambda asked, call: call(asked))
    assert text_of(drive(Pipeline([step]), World([answer(stream)]), request(stream=stream))) == "hello"


def nothing(asked: Any, call: Any) -> Any:
    yield from call(asked)


@pytest.mark.parametrize(
    ("run", "says"),
    [
        (nothing, "step 'mine' returned NoneType instead of a Response"),
        (lambda asked, call: None, "'mine' is a plain function that returned NoneType; write response = yield from"),
        (lambda asked, call: "text", "plain function that returned str"),
    ],
)
def test_an_around_step_that_returns_no_answer_is_named(run: Any, says: str, drive: Drive, stream: bool) -> None:
    with pytest.raises(StepError, match=says):
        drive(Pipeline([around("mine", run)]), World([answer(stream)]), request(stream=stream))


@pytest.mark.parametrize("given", ["text", ["text"], 5, {"text": "x"}])
def test_a_chunk_step_that_returns_something_else_than_chunks_is_named(given: Any, drive: Drive, stream: bool) -> None:
    pipeline = Pipeline([on_chunk("mine", lambda chunk: given)])
    with pytest.raises(StepError, match="step 'mine' returned .* instead of a chunk"):
        text_of(drive(pipeline, World([answer(stream)]), request(stream=stream)))


class Careless:
    """A stage that forgets to return anything."""

    def feed(self, chunks: Any) -> Any:
        pass

    def flush(self) -> Any:
        return []


def test_a_stage_that_returns_nothing_is_named(drive: Drive, stream: bool) -> None:
    with pytest.raises(StepError, match=r"'mine.feed' returned NoneType instead of a list"):
        text_of(drive(Pipeline([on_chunk("mine", Careless)]), World([answer(stream)]), request(stream=stream)))


class Wordy(Careless):
    """A stage that returns text instead of chunks."""

    def feed(self, chunks: Any) -> Any:
        return ["text"]


def test_a_stage_that_returns_no_chunks_is_reported(drive: Drive, stream: bool) -> None:
    with pytest.raises(StepError, match="gave a str instead of a StreamChunk"):
        text_of(drive(Pipeline([on_chunk("mine", Wordy)]), World([answer(stream)]), request(stream=stream)))


def test_editing_gives_a_new_pipeline_and_leaves_the_old_one() -> None:
    before = Pipeline([step("a"), step("b")])
    after = before.prepend(step("first")).append(step("last")).before("b", step("x")).after("b", step("y")).without("a")
    assert before.names() == ("a", "b")
    assert after.names() == ("first", "x", "b", "y", "last")
    assert after.replace("b", step("c")).names() == ("first", "x", "c", "y", "last")


def test_a_name_of_a_step_may_be_used_once() -> None:
    with pytest.raises(ConfigError, match="two steps are named 'a'"):
        Pipeline([step("a")]).append(step("a"))


def test_an_unknown_name_is_an_error_with_the_nearest() -> None:
    with pytest.raises(UnknownStep, match="did you mean 'retry'"):
        Pipeline([step("retry"), step("send")]).before("retyr", step("x"))


def test_describe_shows_the_nesting_and_where_each_step_comes_from() -> None:
    lines = Pipeline([step("outer"), step("inner")]).describe().splitlines()
    assert lines[0].startswith("outer ") and lines[1].startswith(" inner ")
    assert all("test_steps.py:" in line for line in lines)
