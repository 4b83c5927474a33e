"""How costs grow with the work: `python -m benchmarks.growth [NAME ...]` prints each at three sizes, with exponents.

An exponent of 1 is linear. Those over 1.15 are marked, and the command then ends with status 1. Figures are ms of
CPU, the least of up to five runs, with answers from memory; only ratios within a case mean anything. numpy is used
where it is installed. Where another library does the same work, its line follows (`--peers`); a size that would take it
more than some seconds is left out.
"""

import argparse
import gc
import json
import math
import sys
import tempfile
import time
import tracemalloc
from array import array
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx

import stepwell
from benchmarks.curves import LIMIT, Curve, Sizes
from benchmarks.growth_peers import peers_of
from stepwell import Tool
from stepwell.embeddings import Embedder
from stepwell.model_metadata.catalog import Catalog
from stepwell.retrieval import Document, Node, VectorRetriever
from stepwell.schemas.json_schema.repair import repair
from stepwell.schemas.parts import ToolCall
from stepwell.stores import SQLiteStore
from stepwell.testing import Cassette
from stepwell.workflows.objects.output_spec import OutputSpec

CHAT, EMBED = "openai:gpt-4o-mini", "openai:text-embedding-3-small"
PEER_SECONDS, ENOUGH = 2.0, 0.2
"""The most seconds of a peer at one size, and those after which there is no second run."""
Work = Callable[[], object]
Case = tuple[Sizes, Callable[[int], Work]]
ROW = {"a": "x", "b": {"c": [{"d": 1, "e": "x"}], "f": None}}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "v": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}, "b": {}}}}
    },
}


def main() -> None:
    """Measure the cases that the command line names, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[[], *CASES], help="which cases (default: all)")
    parser.add_argument("--peers", action="store_true", help="measure other libraries, too")
    parser.add_argument("--json", action="store_true", help="print the curves alone, each as a line of JSON")
    options = parser.parse_args()
    names = options.names or list(CASES)
    over = []
    for name in names:
        sizes, make = CASES[name]
        curves = [Curve(name, "stepwell", sizes, _times_of(make, sizes, math.inf))]
        for peer, made in peers_of(name).items() if options.peers else ():
            curves.append(Curve(name, peer, sizes, _times_of(made, sizes, PEER_SECONDS)))
        for curve in curves:
            print(json.dumps(asdict(curve)) if options.json else curve.line(), flush=True)
        over += [name] * (not curves[0].fits)
    if options.json:
        return
    for n in (2_000, 20_000):
        print(f"{'memory of an embedder':44} {n:>8,} texts: {_embedder_memory(n):.1f} times the vectors")
        print(f"{'memory of a batch':44} {n:>8,} calls: {_batch_memory(n):.1f} times the body")
    sys.exit(f"over {LIMIT}: {', '.join(over)}" if over else 0)


def _times_of(make: Callable[[int], Work], sizes: Sizes, most: float) -> list[float]:
    """Return the seconds at each size, without those that would take more than `most` seconds if it were quadratic."""
    times: list[float] = []
    for at, size in enumerate(sizes):
        if times and times[-1] * (size / sizes[at - 1]) ** 2 > most:
            break
        runs = [_seconds(make(size))]
        while len(runs) < 5 and sum(runs) < ENOUGH:
            runs.append(_seconds(make(size)))
        times.append(min(runs))
    return times


def _seconds(work: Work) -> float:
    gc.collect()  # what other cases left is not counted by the next collection
    before = time.process_time()
    work()
    return max(time.process_time() - before, 1e-6)


def _client(answer: Callable[[httpx.Request], httpx.Response], **settings: Any) -> stepwell.Client:
    keys = {"openai": "k", "google": "k"}
    client = stepwell.Client(transport=httpx.MockTransport(answer), api_keys=keys, retries=0, **settings)
    client.pipeline_for(CHAT)  # imports what a first call would
    return client


def _chat(request: httpx.Request) -> httpx.Response:
    if request.url.path.endswith("generateContent"):
        return httpx.Response(200, json={"candidates": [{"content": {"parts": [{"text": "Hi."}]}}]})
    message = {"role": "assistant", "content": "Hi."}
    return httpx.Response(200, json={"choices": [{"message": message, "finish_reason": "stop"}]})


def _times(n: int, work: Callable[[int], object]) -> Work:
    return lambda: [work(at) for at in range(n)]


def _writes(n: int) -> Work:
    store = SQLiteStore(Path(tempfile.mkdtemp(), "s.sqlite"), max_bytes=n * 1000)  # half of what is written
    return _times(n, lambda at: store.set_many({f"key {at}-{nth}": b"x" * 500 for nth in range(4)}))


def _embedder(texts: Any) -> Embedder:
    vector = "AAAAPw==" if texts is None else texts

    def answer(request: httpx.Request) -> httpx.Response:
        count = len(json.loads(request.content)["input"])
        return httpx.Response(200, json={"data": [{"index": at, "embedding": vector} for at in range(count)]})

    return Embedder(EMBED, client=_client(answer), workers=1, batch_size=100)


def _embeds(n: int) -> Work:
    embedder = _embedder(None)
    embedder.embed(["warm"])
    return lambda: embedder.embed(map(str, range(n)))


def _retriever(n: int) -> VectorRetriever:
    notes = VectorRetriever(_embedder(None))
    notes.add([Node(f"node {at}", source=f"s{at % 50}") for at in range(n)])
    return notes


def _delete(n: int) -> Work:
    notes = _retriever(n)
    ids = [Node(f"node {at}", source=f"s{at % 50}").id for at in range(n // 2)]
    return lambda: notes.delete(ids)


def _searches(n: int) -> Work:
    notes = _retriever(n)
    notes.retrieve("x")

    def add_and_search(at: int) -> None:
        notes.add(f"new {at}")
        notes.retrieve("x", top_k=1)

    return _times(50, add_and_search)


def _cassette(n: int) -> Work:
    tape = Cassette(Path(tempfile.mkdtemp(), "t.json"), transport=httpx.MockTransport(_chat))
    client = stepwell.Client(transport=tape, api_keys={"openai": "k"})
    return _times(n, lambda at: client.generate_text(CHAT, f"question {at}"))


def _same_ids(n: int) -> Work:
    client = _client(_chat)
    messages = [stepwell.user("hi")]
    for _ in range(n):
        call = ToolCall("call_0", "look_up", "{}")
        messages += [stepwell.assistant([call]), stepwell.tool_result(call, "ok")]
    return lambda: client.generate_text(CHAT, messages)


def _tools(n: int) -> Work:
    client = _client(_chat)
    items = {"type": "array", "items": {"type": "string"}}
    tools = [Tool(f"tool_{at}", parameters={"type": "object", "properties": {f"a{at}": items}}) for at in range(n)]
    client.generate_text("google:gemini-2.5-flash", "hi", tools=tools)
    return lambda: client.generate_text("google:gemini-2.5-flash", "hi", tools=tools)


def _models(n: int) -> Work:
    client = _client(_chat)
    calls = _times(n, lambda at: client.generate_text(f"{CHAT}-{at}", "hi"))
    calls()
    return calls


def _streamed(value: Callable[[int], Any]) -> Callable[[int], Work]:
    def make(n: int) -> Work:
        text = json.dumps(value(n))
        deltas = [text[at : at + 16] for at in range(0, len(text), 16)]

        def events() -> Iterator[bytes]:
            for delta in deltas:
                yield b"data: %s\n\n" % json.dumps({"choices": [{"index": 0, "delta": {"content": delta}}]}).encode()
            yield b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'

        headers = {"content-type": "text/event-stream"}
        client = _client(lambda request: httpx.Response(200, content=events(), headers=headers))
        return lambda: list(client.stream_object(CHAT, "hi", {"type": "object"}, mode="json"))

    return make


def _read_objects(n: int) -> Work:
    spec, text = OutputSpec.of(SCHEMA, None, None), json.dumps({"v": [ROW] * n})
    return lambda: spec.read(text)


def _additions(n: int) -> Work:
    catalog = Catalog()
    return _times(n, lambda at: catalog.add({"provider": "acme", "id": f"m-{at}", "context_window": at}))


def _embedder_memory(n: int) -> float:
    """Return the peak of what an embedder takes, by what its vectors of 384 numbers take."""
    embedder = _embedder([0.25] * 384)
    embedder.embed(["warm"])
    texts = [f"text {at}" for at in range(n)]
    tracemalloc.start()
    embedder.embed(texts)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / (n * len(array("f", [0.0]) * 384) * 4)


def _batch_memory(n: int) -> float:
    """Return the peak of what submitting a batch takes, by the size of the body that is uploaded."""
    sizes = []

    def answer(request: httpx.Request) -> httpx.Response:
        sizes.append(len(request.content))
        return httpx.Response(200, json={"id": "1", "status": "validating"})

    client = _client(answer)
    prompts = {str(at): "The thing was good and useful. " * 10 for at in range(n)}
    client.submit_batch(CHAT, {"a": "b"})
    tracemalloc.start()
    client.submit_batch(CHAT, prompts)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / max(sizes)


CASES: dict[str, Case] = {
    "writes to a bounded SQLite file": ((250, 1000, 4000), _writes),
    "50 notes added and searched, among": ((1000, 4000, 16_000), _searches),
    "half of all nodes deleted by id": ((1000, 4000, 16_000), _delete),
    "texts embedded": ((1000, 4000, 16_000), _embeds),
    "exchanges recorded": ((100, 400, 1600), _cassette),
    "calls of one id in a history": ((100, 400, 1600), _same_ids),
    "tools for Gemini": ((300, 600, 1200), _tools),
    "models called in turn": ((500, 1000, 1500), _models),
    "models added to the catalog": ((100, 400, 1600), _additions),
    "a flat list streamed as an object": ((5000, 20_000, 80_000), _streamed(lambda n: {"v": [1] * n})),
    "a flat map streamed as an object": ((1000, 4000, 16_000), _streamed(lambda n: {f"k{i:05}": 9 for i in range(n)})),
    "rows of an object read": ((100, 1000, 10_000), _read_objects),
    "a list with a trailing comma repaired": (
        (10_000, 40_000, 160_000),
        lambda n: lambda text=f"Here: [{'1, ' * n}]": repair(text),
    ),
    "words split, in pieces of 256 tokens": (
        (5000, 20_000, 80_000),
        lambda n: lambda: Document("word " * n).nodes(256),
    ),
    "50,000 words split, in pieces of": ((64, 256, 1024), lambda n: lambda: Document("word " * 50_000).nodes(n)),
}

if __name__ == "__main__":
    main()
