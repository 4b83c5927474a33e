"""Work is counted, not timed: what one more small change costs does not depend on how much there is already."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import json
import re
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

import stepwell
from stepwell import Tool
from stepwell.errors import ConfigError, ServerError
from stepwell.model_metadata.catalog import Catalog
from stepwell.model_metadata.patches import Patch
from stepwell.pipeline.named_states import NamedStates
from stepwell.pipeline.world import World
from stepwell.providers.history import call_ids
from stepwell.retrieval import VectorRetriever, splitting
from stepwell.retrieval.index import Index
from stepwell.schemas.json_schema.dialects import writing
from stepwell.schemas.json_schema.quick import quick_test
from stepwell.schemas.json_schema.root import without_nulls
from stepwell.schemas.json_schema.safety import checked_schema
from stepwell.schemas.memo import Memo
from stepwell.schemas.message import Message
from stepwell.schemas.parts import ToolCall
from stepwell.stores import MemoryStore, SQLiteStore
from stepwell.testing import Cassette, tape_file
from stepwell.transports import FastTransport
from stepwell.workflows.objects import stream

from scripted import MODEL, Scripted
from vectors import Vectors

pytestmark = pytest.mark.usefixtures("small_heap")

ROOT = Path(__file__).parent.parent


def statements(store: SQLiteStore, work: Any) -> int:
    """Count the steps of SQLite's virtual machine, by hundreds."""
    steps = [0]
    with store._database._connected() as connection:
        connection.set_progress_handler(lambda: steps.__setitem__(0, steps[0] + 1), 20)
    work()
    with store._database._connected() as connection:
        connection.set_progress_handler(None, 0)
    return steps[0]


def test_a_bounded_file_adds_up_nothing_at_a_write_and_keeps_its_bound(tmp_path: Path) -> None:
    counts = []
    for n in (100, 800):
        SQLiteStore(tmp_path / f"{n}.sqlite").set_many({f"k{i}": b"x" * 10 for i in range(n)})
        store = SQLiteStore(tmp_path / f"{n}.sqlite", max_bytes=10 * n)
        counts.append(statements(store, lambda store=store: store.set_many({"one": b"y" * 10, "k5": b"z" * 10})))
        assert store._database.read("SELECT bytes, (SELECT SUM(LENGTH(value)) FROM entries) FROM total") == [
            (10 * n, 10 * n)
        ]
        assert store.get_many(["k0", "k5", "one"]) == {"k5": b"z" * 10, "one": b"y" * 10}
    assert counts[1] <= counts[0] + 2
    store.set_many({"large": b"x" * 100_000})  # over the bound alone
    assert store._database.read("SELECT COUNT(*), (SELECT bytes FROM total) FROM entries") == [(0, 0)]


def test_a_search_reads_only_what_has_changed_since_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    put = Index.put
    monkeypatch.setattr(Index, "put", lambda self, entry, vector: (read.append(entry.id), put(self, entry, vector)))
    for path in (None, tmp_path / "notes.sqlite"):
        notes = VectorRetriever(Vectors().embedder(), path)
        other = VectorRetriever(Vectors().embedder(), path) if path else notes
        ids = notes.add([f"note {n}" for n in range(50)])
        notes.retrieve("note 1")
        read.clear()
        (new,) = other.add("one more")
        assert notes.retrieve("one more", top_k=1)[0].text == "one more" and read == [new]
        other.delete([new, ids[3]])
        assert {"one more", "note 3"}.isdisjoint(found.text for found in notes.retrieve("one more", top_k=60))
        assert len(notes.retrieve("x", top_k=60)) == 49 and read == [new]
        other.delete(ids[:40])  # most of the index: it is read anew
        for count in (1, 11, 11):
            assert len(notes.retrieve("x", top_k=60)) == 10 and len(read) == count


def test_an_index_that_missed_more_changes_than_are_kept_is_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    notes = VectorRetriever(Vectors().embedder())
    notes.add([f"note {n}" for n in range(5)])
    assert len(notes.retrieve("x", top_k=60)) == 5
    with notes._store._database._connected() as connection:
        connection.execute("DELETE FROM nodes WHERE text = 'note 1'")
        connection.execute("DELETE FROM changes WHERE number < (SELECT MAX(number) FROM changes)")
        connection.execute("INSERT INTO changes (number, id) SELECT MAX(number) + 9, 'x' FROM changes")
    assert len(notes.retrieve("x", top_k=60)) == 4


def test_an_index_whose_making_was_interrupted_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is forked meanwhile sees the same."""
    notes = VectorRetriever(Vectors().embedder())
    notes.add([f"note {n}" for n in range(5)])
    notes._store._database.write("DELETE FROM changes", [()])  # a file from before they were noted
    put = Index.put

    def interrupted(self: Index, entry: Any, vector: Any) -> None:
        if len(self) == 3:
            raise KeyboardInterrupt
        put(self, entry, vector)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Index, "put", interrupted)
        notes.retrieve("x")
    assert len(notes.retrieve("x", top_k=60)) == 5


def test_calls_of_one_id_get_ids_of_their_own_in_linear_time(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[bytes] = []
    sha256 = hashlib.sha256
    monkeypatch.setattr(hashlib, "sha256", lambda data: (hashed.append(data), sha256(data))[1])
    call_ids.mapped.clear()
    client = stepwell.Client(transport=httpx.MockTransport(Scripted(["fine"])), api_keys={"openai": "k"})
    messages: list[Message] = [stepwell.user("hi")]
    for _ in range(200):
        call = ToolCall("call_0", "look_up", "{}")
        messages += [stepwell.assistant([call]), stepwell.tool_result(call, "ok")]
    client.generate_text(MODEL, messages)
    assert len(hashed) < 400


def test_a_memo_has_no_cliff_one_past_its_size() -> None:
    made: list[int] = []
    memo = Memo[int, int](100, lambda key: made.append(key) or key)
    for _ in range(10):
        assert [memo[key] for key in range(101)] == list(range(101))
    assert len(made) < 130 and len(memo) <= 100


def test_what_two_threads_make_at_once_is_kept_once() -> None:
    """Two sources of tokens for one login would both log in."""
    for others in range(3):  # in a memo with room, and in a full one
        memo = Memo[str, object](2)
        for n in range(others):
            memo.put(str(n), n)
        first = object()
        assert memo.put("key", first) is first and memo.put("key", object()) is first
        assert memo["key"] is first and len(memo) <= 2


def test_tools_are_translated_once_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    writer = writing._Writer
    monkeypatch.setattr(writing, "_Writer", lambda *given: (made.append(given), writer(*given))[1])
    monkeypatch.setattr(writing, "_written", Memo(300, writing._written._make))
    answer = {"candidates": [{"content": {"parts": [{"text": "Hi."}]}, "finishReason": "STOP"}]}
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=answer))
    client = stepwell.Client(transport=transport, api_keys={"google": "k"})
    tools = [
        Tool(f"tool_{i}", parameters={"type": "object", "properties": {f"a{i}": {"type": "string"}}})
        for i in range(301)
    ]
    for _ in range(4):
        client.generate_text("google:gemini-2.5-flash", "hi", tools=tools)
    assert len(made) < 310


def test_states_of_names_are_dropped_once_they_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    states, busy = NamedStates[str, set[int]](), {1}

    def rests(state: set[int]) -> bool:
        looked.append(1)
        return not state

    assert states.of("busy", lambda: busy, rests) is busy
    for n in range(3000):
        states.of(f"user {n}", set, rests)
    assert len(states) <= 1000 and states["busy"] is busy
    looked.clear()
    for n in range(20_000):
        states.of(f"busy user {n}", lambda: {1}, rests)
    assert len(looked) <= 40_000  # where none rests, too, in proportion to the names


def test_steps_keep_nothing_of_users_who_rest() -> None:
    """Users for whom calls succeed, and users for whom they fail."""
    now, scripted = [0.0], Scripted(["fine"] * 1500)

    def answer(request: httpx.Request) -> httpx.Response:
        return scripted(request) if json.loads(request.content)["user"].startswith("a") else httpx.Response(500)

    def kept() -> int:
        gc.collect()
        return sum(type(each).__name__ in ("Lane", "_Gate", "_Circuit") for each in gc.get_objects())

    by_user: dict[str, Any] = {"by": lambda request: request.options["user"]}
    limits = [
        stepwell.RateLimit(requests=1000, per=1, **by_user),
        stepwell.steps.concurrency(4, **by_user),
        stepwell.steps.circuit_breaker(cooldown=1, **by_user),
    ]
    client = stepwell.Client(
        transport=httpx.MockTransport(answer), api_keys={"openai": "k"}, pipeline=limits, retries=0
    )
    client.planner.world = World(now=lambda: now[0])
    before = kept()
    for n in range(3000):
        now[0] += 1
        with suppress(ServerError):
            client.generate_text(MODEL, "hi", user=f"{'ab'[n % 2]} {n}")
    assert kept() - before <= 2000  # lanes, and circuits of the failed


def test_every_cache_without_a_bound_has_few_keys() -> None:
    """A function with `@cache` remembers all that it was ever called with: none of it may be of a user's making."""
    found = set()
    for layer in ("stepwell", "pipeline", "providers", "schemas", "model_metadata"):
        for path in (ROOT / layer).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            found |= set(re.findall(r"^@cache\ndef (\w+)\([^)]", text, re.M))
            assert not re.search(r"lru_cache\((maxsize=)?None", text), path
    # By the names of our own wires, by classes of HTTP libraries, by the loggers of login libraries.
    assert found == {"_wire", "_with_live_timeout", "_filter"}


def test_an_exchange_is_appended_to_its_cassette(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    append, whole = tape_file.replace_end, tape_file.update_file
    monkeypatch.setattr(
        tape_file, "replace_end", lambda p, old, new: (written.append(len(new)), append(p, old, new))[1]
    )
    monkeypatch.setattr(tape_file, "update_file", lambda p, content: (written.append(-1), whole(p, content))[1])
    path = tmp_path / "t.json"
    cassette = Cassette(path, transport=httpx.MockTransport(Scripted(["answer"] * 20)))
    client = stepwell.Client(transport=cassette, api_keys={"openai": "k"})
    for n in range(20):
        client.generate_text(MODEL, f"question {n:02}")
    assert written[0] == -1 and len(set(written[1:])) == 1 and len(written) == 20
    exchanges = json.loads(path.read_bytes())["exchanges"]
    assert [each["request"]["body"]["messages"][0]["content"][-2:] for each in exchanges] == [
        f"{n:02}" for n in range(20)
    ]


def test_a_cassette_whose_last_exchange_was_broken_off_has_the_others(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    cassette = Cassette(path, transport=httpx.MockTransport(Scripted(["answer"] * 3)))
    client = stepwell.Client(transport=cassette, api_keys={"openai": "k"})
    for n in range(2):
        client.generate_text(MODEL, f"question {n}")
    before = path.read_bytes()
    client.generate_text(MODEL, "question 2")
    whole = path.read_bytes()
    common = len(before) - len(tape_file._END)
    for end in range(common, len(whole)):
        path.write_bytes(whole[:end] + before[end:])  # what a process has written that was killed meanwhile
        assert len(Cassette(path, record="never").exchanges) == (3 if end >= len(whole) - 1 else 2), end


def sse(*deltas: str) -> bytes:
    frames = [{"choices": [{"index": 0, "delta": {"content": delta}}]} for delta in deltas]
    frames.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    return b"".join(b"data: %s\n\n" % json.dumps(frame).encode() for frame in frames) + b"data: [DONE]\n\n"


def test_a_flat_object_is_streamed_with_copies_in_proportion_to_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[int] = []
    copy = stream.snapshot

    def counted(value: Any) -> Any:
        copied.append(sum(len(part) for part in stream.growing_parts(value) if isinstance(part, dict | list)))
        return copy(value)

    monkeypatch.setattr(stream, "snapshot", counted)
    for whole in ({"v": list(range(20_000))}, {"m": {f"k{n}": n for n in range(8_000)}}, {"v": [{"a": 1}] * 9_000}):
        text = json.dumps(whole)
        body = sse(*(text[at : at + 16] for at in range(0, len(text), 16))).split(b"\n\n")[:-1]
        answer = httpx.Response(
            200, content=(event + b"\n\n" for event in body), headers={"content-type": "text/event-stream"}
        )
        transport = httpx.MockTransport(lambda request, answer=answer: answer)
        client = stepwell.Client(transport=transport, api_keys={"openai": "k"})
        copied.clear()
        with client.stream_object(MODEL, "hi", {"type": "object"}, mode="json") as items:
            values = list(items)
        assert values[-1] == whole and len(values) > 500
        assert sum(copied) <= 64 * len(text)


def test_a_text_is_estimated_a_few_times_whatever_the_size_of_its_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    estimate = splitting.estimate_text

    def counted(text: str, **options: Any) -> int:
        seen.append(len(text))
        return estimate(text, **options)

    monkeypatch.setattr(splitting, "estimate_text", counted)
    monkeypatch.setattr(splitting, "bound_for_parts", lambda text: counted)
    for text in ("word " * 4000, "Short as it is. " * 1200, "a, b; c.\n" * 2000):
        for size, overlap in ((32, 0), (512, 0), (512, 128)):
            seen.clear()
            pieces = splitting.split(text, size, overlap)
            assert "".join(pieces).replace(" ", "") != "" and max(map(estimate, pieces)) <= size
            assert sum(seen) < 12 * len(text), (size, overlap)


def test_a_model_is_added_without_reading_those_before(monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = Catalog()
    catalog.add({"provider": "acme", "id": "m-0", "tools": True})
    applied: list[Patch] = []
    apply = Patch.apply
    monkeypatch.setattr(Patch, "apply", lambda self, rows: (applied.append(self), apply(self, rows))[1])
    undo = [catalog.add({"provider": "acme", "id": f"m-{n}", "context_window": n}) for n in range(1, 50)]
    assert not applied and catalog.get("acme:m-7").context_window == 7 and len(catalog.ids("acme")) == 50
    assert catalog.get("acme:m-7-2025-01-01").facts.get("listed_as") == "m-7"  # other spellings are found as well
    catalog.add({"provider": "acme", "id": "m-7", "context_window": 77})
    assert catalog.get("acme:m-7").context_window == 77 and applied
    undo[0].undo()
    assert not catalog.get("acme:m-1").known and catalog.get("acme:m-2").known


def test_what_holds_no_null_is_not_read_for_nulls() -> None:
    schema = {"type": "object", "properties": {"v": {"type": "array", "items": {"type": "object"}}}}
    value = {"v": [{"a": 1}, {"b": 2}]}
    assert without_nulls(value, schema) is value
    some = {"v": [{"a": 1}, {"b": None}], "w": None}
    assert without_nulls(some, schema)["v"][0] is some["v"][0]


def test_a_streamed_answer_is_stored_off_the_event_loop() -> None:
    threads: list[int] = []

    class Store(MemoryStore):
        """Notes where it is written."""

        def set_many(self, items: Any) -> None:
            threads.append(threading.get_ident())
            super().set_many(items)

    async def main() -> list[str]:
        client = stepwell.AsyncClient(
            transport=httpx.MockTransport(lambda request: httpx.Response(200, content=sse("Hi."))),
            api_keys={"openai": "k"},
            pipeline=[stepwell.cache(Store())],
        )
        texts = []
        for _ in range(2):
            async with client.stream_text(MODEL, "hi") as answer:
                texts.append((await answer.reply()).text)
        return texts

    assert asyncio.run(main()) == ["Hi.", "Hi."]
    assert len(threads) == 1 and threads[0] != threading.get_ident()


def test_the_number_of_connections_is_checked() -> None:
    for wrong in (0, -1, True, "8", 1.5):
        with pytest.raises(ConfigError, match="max_connections cannot be"):
            stepwell.Client(max_connections=wrong)  # type: ignore[arg-type]
    for own in (
        {"transport": httpx.MockTransport(Scripted([]))},
        {"transport": FastTransport()},
        {"http": httpx.Client()},
    ):
        with pytest.raises(ConfigError, match="max_connections is not for a transport or HTTP client of your own"):
            stepwell.Client(max_connections=8, **own)  # type: ignore[arg-type]


def test_a_value_that_is_quickly_found_to_fit_fits_for_jsonschema_as_well() -> None:
    schemas: list[Any] = [
        {"type": kind} for kind in ("object", "array", "string", "integer", "number", "boolean", "null")
    ]
    schemas += [{"enum": ["a", "b"]}, {"enum": [1, None]}, {"type": ["string", "null"]}, {}, True, False]
    schemas += [{"type": "string", "pattern": "^a"}, {"type": "integer", "minimum": 2}, {"const": 1}]
    schemas += [
        {"properties": {"a": part}, "required": ["a"], "additionalProperties": rest}
        for part in schemas
        for rest in (True, False, {"type": "integer"})
    ]
    schemas += [{"type": "array", "items": part} for part in schemas]
    plain: list[Any] = [None, True, False, 0, 1, 3, 1.0, 2.5, "a", "b", "x", [], {}]
    values = [*plain, *([each] for each in plain), *({"a": each} for each in plain), *({"a": 1, "b": e} for e in plain)]
    values += [[each] for each in values]
    quick = 0
    for schema in schemas:
        test, validator = quick_test(checked_schema(schema)), jsonschema.Draft202012Validator(schema)
        for value in values:
            if test(value):
                quick += 1
                assert validator.is_valid(value), (schema, value)
    assert quick > 1000
