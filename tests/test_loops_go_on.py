"""An event loop goes on while something large is added, embedded, submitted or opened: the other tasks get turns."""

from __future__ import annotations

import asyncio
import json
import threading
from array import array
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import stepwell
from stepwell.embeddings import Embedder
from stepwell.journal.index import JobIndex
from stepwell.journal.journal import Journal
from stepwell.pipeline.steps import check_answer, decode
from stepwell.providers.wires.operations import batches, embeddings, openai_batches
from stepwell.retrieval import Document, Node, VectorRetriever, node, retriever, store
from stepwell.schemas import json_text
from stepwell.steps import Run
from stepwell.workflows.batch import workflows
from stepwell.workflows.embed import cache, custom, embed_job, embedder
from stepwell.workflows.map import job

from loopback import completion
from scripted import MODEL, Scripted
from vectors import Vectors

KEYS = {"openai": "k"}
MANY = 1200


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, set[int]]]:
    """Note the threads in which functions are called, given as modules or classes with names."""

    def watched(*functions: tuple[Any, str]) -> dict[str, set[int]]:
        found: dict[str, set[int]] = {}
        for owner, name in functions:
            ran, function = found.setdefault(name, set()), getattr(owner, name)

            def noted(*given: Any, ran: set[int] = ran, function: Any = function, **named: Any) -> Any:
                ran.add(threading.get_ident())
                return function(*given, **named)

            monkeypatch.setattr(owner, name, noted)
        return found

    return watched


def assert_in_threads(found: dict[str, set[int]]) -> None:
    assert {name for name, ran in found.items() if not ran or threading.get_ident() in ran} == set()


async def turns_during(work: Awaitable[Any]) -> tuple[Any, int]:
    """Return the result of something, and how often another task has got its turn meanwhile."""
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    try:
        return await work, turns
    finally:
        task.cancel()


def test_what_is_added_to_an_index_is_split_hashed_and_stored_in_a_thread(
    threads: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        notes = VectorRetriever(Vectors().embedder())
        given = [Document("A few words. " * 50, source="d"), "text", Node("other", "s")]
        found = threads((node, "split"), (node, "digest"), (store, "packed"))
        await notes.aadd(given)
        assert_in_threads(found)
        monkeypatch.setattr(retriever, "_MANY", 1)
        ranked = threads((retriever, "best"))
        assert len(await notes.aretrieve("words", top_k=3)) == 3
        assert_in_threads(ranked)

    asyncio.run(main())


def test_an_iterator_is_read_where_it_was_made() -> None:
    """A cursor of a database, say, may be used by one thread alone."""
    read: list[int] = []

    def texts() -> Iterator[str]:
        read.append(threading.get_ident())
        yield "text"

    async def main() -> None:
        notes = VectorRetriever(Vectors().embedder())
        assert len(await notes.aadd(texts())) == len(await notes.aadd(["other", texts()])) - 1 == 1

    asyncio.run(main())
    assert read == [threading.get_ident()] * 2


def test_many_texts_are_checked_looked_up_and_stored_in_a_thread(threads: Any, tmp_path: Path) -> None:
    async def main() -> None:
        made = Vectors().embedder(cache=tmp_path / "v.sqlite")
        found = threads((embedder, "check_embeddable"), (cache, "key_of"), (cache, "packed"), (embed_job, "batches_of"))
        texts = [f"text {at}" for at in range(MANY)]
        assert (await made.aembed(texts)).cached == 0
        assert_in_threads(found)
        again = threads((cache, "unpacked"), (cache, "key_of"))
        assert (await made.aembed(texts)).cached == MANY
        assert_in_threads(again)

    asyncio.run(main())


def test_many_vectors_are_decoded_and_checked_in_a_thread(threads: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "_LARGE", 1000)
    monkeypatch.setattr(embed_job, "_MANY_NUMBERS", 100)

    async def main() -> None:
        made = Vectors().embedder(batch_size=500)
        found = threads((embeddings, "indexed"), (check_answer, "_is_finite"), (embed_job, "vector_of"))
        await made.aembed([f"text {at}" for at in range(500)])
        assert_in_threads(found)

        async def own(texts: list[str]) -> list[array[float]]:
            return [array("f", [1.0, 2.0])] * len(texts)

        mine = Embedder(own, batch_size=500)
        read = threads((custom, "_numbers"), (check_answer, "_is_finite"))
        assert (await mine.aembed([f"text {at}" for at in range(500)]))[0] == array("f", [1.0, 2.0])
        assert_in_threads(read)

    asyncio.run(main())


def test_the_numbers_of_a_vector_are_not_looked_at_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[object] = []
    well_formed = json_text.well_formed
    monkeypatch.setattr(json_text, "well_formed", lambda value: (looked.append(value), well_formed(value))[1])
    vectors = {"vectors": [[0.5, 1, None, True] * 100] * 3}
    assert json_text.well_formed(vectors) is vectors
    assert len(looked) < 10
    assert json_text.well_formed([1, "\ud800"]) == [1, "\ufffd"]


class Batches:
    """A service of batches that answers each call with the same words."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.endswith("/content"):
            body = json.loads(completion("fine"))
            lines = [{"custom_id": f"{at}", "response": {"status_code": 200, "body": body}} for at in range(self.count)]
            return httpx.Response(200, content="\n".join(map(json.dumps, lines)))
        if path.endswith("/files"):
            return httpx.Response(200, json={"id": "file-1", "object": "file"})
        state = {"id": "b", "status": "completed", "output_file_id": "file-2", "request_counts": {"total": self.count}}
        return httpx.Response(200, json=state)


def test_a_batch_is_made_and_read_with_pauses(threads: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "_LARGE", 1000)
    paused: list[int] = []

    async def pause() -> None:
        paused.append(1)

    monkeypatch.setattr(workflows, "PAUSE", Run(lambda: None, pause, recorded=False))

    async def main() -> None:
        found = threads((openai_batches, "dumps"), (batches, "read_line"))
        client = stepwell.AsyncClient(transport=httpx.MockTransport(Batches(400)), api_keys=KEYS)
        submitted = await client.submit_batch(MODEL, [f"text {at}" for at in range(400)])
        assert len(paused) >= 400 // 16
        paused.clear()
        answers = await submitted.results()
        assert len(answers) == 400 and answers["3"].text == "fine" and len(paused) >= 400 // 16
        assert_in_threads(found)

    asyncio.run(main())


def test_a_pause_is_no_effect_of_a_job(tmp_path: Path) -> None:
    """A job with a batch in it goes on where it stopped."""

    def submitted() -> stepwell.batch.BatchJob:
        client = stepwell.Client(
            transport=httpx.MockTransport(Batches(60)), api_keys=KEYS, journal=tmp_path / "j.sqlite"
        )
        try:
            return client.submit_batch(MODEL, [f"text {at}" for at in range(60)], job="batch")
        finally:
            client.close()

    assert submitted().id == submitted().id == "b"


def test_a_map_whose_items_are_done_reads_them_with_pauses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    items, out = [f"text {at}" for at in range(300)], tmp_path / "out.jsonl"

    async def main() -> None:
        client = stepwell.AsyncClient(transport=httpx.MockTransport(Scripted(["fine"] * 300)), api_keys=KEYS)
        await client.map(items, model=MODEL, out=out, progress=False).run()
        monkeypatch.setattr(job, "_PULL_SECONDS", 0.0)
        summary, turns = await turns_during(client.map(items, model=MODEL, out=out, progress=False).run())
        assert summary.skipped == 300 and turns >= 300

    asyncio.run(main())


def test_a_journal_is_opened_in_a_thread(threads: Any, tmp_path: Path) -> None:
    async def main() -> None:
        for streamed in (False, True):
            path = tmp_path / f"{streamed}.sqlite"
            client = stepwell.AsyncClient(
                transport=httpx.MockTransport(Scripted(["fine"])), api_keys=KEYS, journal=path
            )
            found = threads((JobIndex, "read_names"))
            if streamed:
                async with client.stream_text(MODEL, "hi", job="j") as answer:
                    assert (await answer.reply()).text == "fine"
            else:
                await client.generate_text(MODEL, "hi", job="j")
            assert_in_threads(found)
            await client.close()

    asyncio.run(main())


def test_a_job_is_shown_and_forgotten_without_reading_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "j.sqlite"
    with stepwell.Client(transport=httpx.MockTransport(Scripted(["fine"] * 30)), api_keys=KEYS, journal=path) as client:
        for at in range(30):
            client.generate_text(MODEL, "hi", job=f"job {at // 2}", part=f"{at % 2}")
    with monkeypatch.context() as patched, stepwell.jobs(path) as jobs:
        patched.setattr(JobIndex, "rows", None)
        assert [each.part for each in jobs.parts("job 3")] == ["0", "1"] and jobs.show("job 3", "1")
        assert jobs.forget("job 3") == 2 and jobs.forget("job 4", "1") == 1 and jobs.parts("job 3") == []
    assert len(list(stepwell.jobs(path))) == 14 and [each.part for each in stepwell.jobs(path).parts("job 4")] == ["0"]
    monkeypatch.setattr("stepwell.journal.journal._LEAST_DEAD", 0)
    with stepwell.jobs(path) as jobs:
        size = Path(f"{path}.log").stat().st_size
        for at in range(5, 14):
            jobs.forget(f"job {at}")
        assert Path(f"{path}.log").stat().st_size < 0.6 * size and len(list(jobs)) == 5
        assert isinstance(jobs._journal, Journal) and jobs.show("job 14", "1")
