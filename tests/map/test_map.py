"""Map: the same question about many items, sync and async; each has one result, in the order of the items."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import mapping
import pytest
from mapping import FAKE, echo, map_async, map_sync, read_async, read_sync, rows

import stepwell
from stepwell.errors import AuthError, BudgetExceeded, ConfigError, InvalidRequest, ServerError, UnknownProvider
from stepwell.messages import ToolCall
from stepwell.testing import FakeModel

from loopback import SOON

REVIEWS = [{"id": f"r{at}", "text": f"review {at}"} for at in range(20)]


@pytest.fixture(params=[map_sync, map_async], ids=["sync", "async"])
def mapped(request: pytest.FixtureRequest) -> mapping.Mapped:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(params=[read_sync, read_async], ids=["sync", "async"])
def read(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_each_item_has_one_line_in_the_order_of_the_items(mapped: mapping.Mapped, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    summary = mapped(FakeModel(echo, repeat=True), REVIEWS, prompt="is {text} kind?", out=out, key="id", workers=5)
    found = rows(out)
    assert [row["key"] for row in found] == [review["id"] for review in REVIEWS]
    assert [row["text"] for row in found] == [f"IS {review['text'].upper()} KIND?" for review in REVIEWS]
    assert (summary.answered, summary.failed, summary.skipped) == (20, 0, 0)
    assert not Path(f"{out}.waiting").exists()


def test_a_second_run_sends_nothing_that_has_a_result(mapped: mapping.Mapped, tmp_path: Path) -> None:
    out, fake = tmp_path / "out.jsonl", FakeModel(echo, repeat=True)
    mapped(fake, REVIEWS[:15], prompt="{text}", out=out)
    summary = mapped(fake, REVIEWS, prompt="{text}", out=out)
    assert (summary.answered, summary.skipped, len(fake.requests)) == (5, 15, 20)
    assert [row["index"] for row in rows(out)] == list(range(20))


def test_results_can_be_read_as_they_come(read: Any) -> None:
    results = read(FakeModel(echo, repeat=True), (review["text"] for review in REVIEWS))
    assert [result.text for result in results] == [review["text"].upper() for review in REVIEWS]
    assert [result.item for result in results] == [review["text"] for review in REVIEWS]


def test_leaving_early_stops_the_work_and_a_later_run_goes_on(tmp_path: Path) -> None:
    out, fake = tmp_path / "out.jsonl", FakeModel(echo, repeat=True)
    client = stepwell.Client(registry=fake.registry)
    with client.map(range(1000), model=FAKE, prompt="n {item}", out=out, workers=2) as run:
        for result in run:
            if result.index == 9:
                break
    sent = len(fake.requests)
    assert 10 <= sent < 100
    client.map(range(1000), model=FAKE, prompt="n {item}", out=out, workers=2).run()
    assert [row["index"] for row in rows(out)] == list(range(1000))
    assert len(fake.requests) <= 1000 + 2


def test_an_async_iterable_is_read_as_it_comes() -> None:
    async def words() -> AsyncIterator[str]:
        for word in ("one", "two", "three"):
            await asyncio.sleep(0)
            yield word

    assert [each.text for each in read_async(FakeModel(echo, repeat=True), words())] == ["ONE", "TWO", "THREE"]
    with pytest.raises(ConfigError, match="a Client cannot read an async iterable"):
        map_sync(FakeModel(echo, repeat=True), words())


@pytest.mark.parametrize("order", ["kept", "as done"])
def test_results_and_errors_do_not_wait_for_an_async_iterable(order: Any) -> None:
    """A feed may be silent for hours after an item."""

    async def first_of(fake: FakeModel, **settings: Any) -> Any:
        never = asyncio.Event()

        async def feed() -> AsyncIterator[str]:
            yield "one"
            await never.wait()

        client = stepwell.AsyncClient(registry=fake.registry)
        async with client.map(feed(), model=FAKE, prompt="{item}", order=order, **settings) as run:
            async for result in run:
                return result.text

    def soon(*given: Any, **settings: Any) -> Any:
        return asyncio.run(asyncio.wait_for(first_of(*given, **settings), SOON))

    assert soon(FakeModel(echo, repeat=True)) == "ONE"
    refused = FakeModel(AuthError("no"), repeat=True)
    for errors in ("raise", "keep"):
        with pytest.raises(AuthError):
            soon(refused, errors=errors)


def test_a_slow_iterable_of_an_async_client_lets_the_event_loop_go_on(tmp_path: Path) -> None:
    fake, sent = FakeModel(echo, repeat=True), []

    def slow() -> Iterator[str]:
        for at in range(12):
            time.sleep(0.011)  # longer than items are read at once
            sent.append(len(fake.requests))
            yield f"{at}"

    assert map_async(fake, slow()).answered == 12
    assert sent[4] > 0, "nothing was asked until all were read"


def test_an_async_iterable_of_many_items_is_read_a_bounded_number_ahead() -> None:
    given, ahead = [0], [0]

    async def many() -> AsyncIterator[int]:
        for at in range(1000):
            given[0] += 1
            yield at

    async def main() -> list[int]:
        found = []
        client = stepwell.AsyncClient(registry=FakeModel(echo, repeat=True).registry)
        async for result in client.map(many(), model=FAKE, prompt="{item}", workers=4):
            found.append(result.index)
            ahead[0] = max(ahead[0], given[0] - len(found))
        return found

    assert asyncio.run(main()) == list(range(1000))
    assert ahead[0] < 200


def test_an_item_may_be_a_prompt_have_one_or_be_made_one_by_a_function(read: Any) -> None:
    items = [
        "a",
        {"prompt": "b"},
        {"messages": [{"role": "user", "content": "c"}]},
        stepwell.user("d"),
        [stepwell.user("e")],
    ]
    assert [each.text for each in read(FakeModel(echo, repeat=True), items)] == ["A", "B", "C", "D", "E"]
    made = read(FakeModel(echo, repeat=True), [1, 2], prompt=lambda number: f"twice {number} is {2 * number}")
    assert [each.text for each in made] == ["TWICE 1 IS 2", "TWICE 2 IS 4"]


def test_an_error_is_the_result_of_its_item_and_is_retried_on_request(mapped: mapping.Mapped, tmp_path: Path) -> None:
    out, broken = tmp_path / "out.jsonl", {"b", "d"}

    def answer(request: Any) -> Any:
        said = request.context.messages[-1].text
        if said in broken:
            raise InvalidRequest(f"no {said}")
        return said.upper()

    fake = FakeModel(answer, repeat=True)
    items = ["a", "b", {"nothing": 1}, "c", "d", "e"]
    summary = mapped(fake, items, out=out)
    assert (summary.answered, summary.errors) == (3, {"InvalidRequest": 2, "ConfigError": 1})
    assert [row.get("text") or row["error"]["class"] for row in rows(out)] == [
        "A", "InvalidRequest", "ConfigError", "C", "InvalidRequest", "E",
    ]  # fmt: skip
    broken.clear()
    again = mapped(fake, items, out=out)
    assert (again.answered, again.skipped, again.skipped_failed) == (0, 6, 3)
    retried = mapped(fake, items, out=out, retry_failed=True)
    assert (retried.answered, retried.failed, retried.skipped) == (2, 1, 3)
    assert [row.get("text", "?") for row in rows(out)] == ["A", "B", "?", "C", "D", "E"]
    assert len(fake.requests) == 5 + 2


def test_one_error_may_end_it_all(mapped: mapping.Mapped, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    with pytest.raises(ServerError) as raised:
        mapped(FakeModel("a", "b", ServerError("down"), "d"), list("abcd"), out=out, errors="raise", workers=1)
    assert (
        raised.value.__notes__ == ["it is the error of item 2, whose key is '2-2bca72a4c3e3'"] or raised.value.__notes__
    )
    assert raised.value.partial.answered == 2
    assert mapped(FakeModel("c", "d"), list("abcd"), out=out, errors="raise").answered == 2
    assert [row["text"] for row in rows(out)] == list("abcd")


@pytest.mark.parametrize("error", [AuthError("no"), BudgetExceeded("spent")], ids=lambda error: type(error).__name__)
def test_an_error_that_all_items_would_have_ends_it(error: Exception, mapped: mapping.Mapped, tmp_path: Path) -> None:
    def answer(request: Any) -> Any:
        if len(fake.requests) > 5:
            raise error
        return "fine"

    out, fake = tmp_path / "out.jsonl", FakeModel(answer, repeat=True)
    with pytest.raises(type(error)) as raised:
        mapped(fake, range(10_000), prompt="{item}", out=out, workers=3)
    assert len(fake.requests) <= 5 + 3
    assert len(rows(out)) == raised.value.partial.answered == 5  # type: ignore[attr-defined]


def test_what_a_function_of_the_caller_raises_is_the_error_of_its_item(read: Any) -> None:
    results = read(FakeModel(echo, repeat=True), [2, 0], prompt=lambda number: f"{4 // number}")
    assert [type(each.error) for each in results] == [type(None), ZeroDivisionError]


def test_the_iterable_of_the_caller_may_fail_and_what_was_answered_is_kept(tmp_path: Path) -> None:
    def items() -> Iterator[str]:
        yield from "ab"
        raise OSError("unplugged")

    with pytest.raises(OSError, match="unplugged"):
        map_sync(FakeModel(echo, repeat=True), items(), out=tmp_path / "out.jsonl")
    assert map_sync(FakeModel(echo, repeat=True), ["a", "b", "c"], out=tmp_path / "out.jsonl").skipped <= 2


def test_a_schema_makes_objects_and_tools_make_loops(mapped: mapping.Mapped, tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"kind": {"type": "boolean"}}, "required": ["kind"]}
    mapped(FakeModel('{"kind": true}', repeat=True), ["x"], schema=schema, out=tmp_path / "objects.jsonl")
    assert rows(tmp_path / "objects.jsonl")[0]["object"] == {"kind": True}

    def double(number: int) -> int:
        """Double a number."""
        return 2 * number

    turns = (ToolCall("1", "double", '{"number": 4}'), "eight")
    mapped(FakeModel(*turns), ["twice 4?"], tools=[double], out=tmp_path / "tools.jsonl")
    (row,) = rows(tmp_path / "tools.jsonl")
    assert (row["text"], row["tool_runs"]) == ("eight", [{"name": "double", "arguments": {"number": 4}, "result": "8"}])


def test_an_item_is_known_by_its_key_wherever_it_is(tmp_path: Path) -> None:
    out, fake = tmp_path / "out.jsonl", FakeModel(echo, repeat=True)
    map_sync(fake, REVIEWS[:4], prompt="{text}", key="id", out=out)
    map_sync(fake, REVIEWS[5:2:-1], prompt="{text}", key="id", out=out)
    assert [row["key"] for row in rows(out)] == ["r0", "r1", "r2", "r3", "r5", "r4"]
    map_sync(fake, [REVIEWS[0], REVIEWS[9], REVIEWS[9], {"text": "x"}], prompt="{text}", key="id", out=out)
    assert [row["error"]["message"][:30] for row in rows(out)[7:]] == [
        "an earlier item has the same k", "the item has no field 'id', wh",
    ]  # fmt: skip
    assert map_sync(fake, [REVIEWS[0], REVIEWS[9], REVIEWS[9]], prompt="{text}", key="id", out=out).skipped == 3


def test_what_cannot_be_mapped_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    out.write_text('{"not": "ours"}\n')
    os.mkfifo(pipe := tmp_path / "pipe")
    wrong: list[tuple[type[Exception], Any, dict[str, Any]]] = [
        (ConfigError, {"a": 1}, {}),
        (ConfigError, 7, {}),
        (ConfigError, "list.txt", {}),
        (ConfigError, "missing.jsonl", {}),
        (ConfigError, ["x"], {"out": os.devnull}),
        (ConfigError, ["x"], {"out": pipe}),
        (ConfigError, ["x"], {"workers": 0}),
        (ConfigError, ["x"], {"order": "random"}),
        (ConfigError, ["x"], {"errors": "hide"}),
        (ConfigError, ["x"], {"retry_failed": True}),
        (ConfigError, ["x"], {"prompt": "{text.__class__}"}),
        (ConfigError, ["x"], {"prompt": 7}),
        (ConfigError, ["x"], {"schema": int, "tools": [print]}),
        (ConfigError, ["x"], {"out": out}),
        (ConfigError, str(out), {"out": out}),
        (ConfigError, ["x"], {"out": tmp_path / "no" / "out.jsonl"}),
        (UnknownProvider, ["x"], {"model": "nobody:m"}),
    ]
    for error, items, settings in wrong:
        fake = FakeModel(echo, repeat=True)
        with pytest.raises(error):
            map_sync(fake, items, **settings)
        assert not fake.requests
    assert out.read_text() == '{"not": "ours"}\n'


def test_a_file_belongs_to_one_question(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    map_sync(FakeModel(echo, repeat=True), ["a", "b"], prompt="is {item} nice?", out=out)
    with pytest.raises(ConfigError, match="another model, prompt, schema or tools"):
        map_sync(FakeModel(echo, repeat=True), ["a", "b"], prompt="is {item} kind?", out=out)


def test_a_map_runs_once() -> None:
    run = stepwell.Client(registry=FakeModel(echo, repeat=True).registry).map(["a", "b"], model=FAKE)
    assert "0 answered" in repr(run)
    run.run()
    with pytest.raises(ConfigError, match="a map runs once"):
        run.run()


@pytest.mark.parametrize("kind", ["list", "file"])
def test_as_many_items_are_answered_at_once_as_there_are_workers(kind: str, tmp_path: Path) -> None:
    together = threading.Barrier(4, timeout=SOON)  # four have to wait here at the same time

    def answer(request: Any) -> str:
        together.wait()
        return "yes"

    items: Any = REVIEWS[:8]
    if kind == "file":
        (tmp_path / "in.jsonl").write_text("".join(json.dumps(each) + "\n" for each in items))
        items = tmp_path / "in.jsonl"
    assert map_sync(FakeModel(answer, repeat=True), items, prompt="{text}", workers=4).answered == 8
