"""The work of benchmarks/growth.py as others do it, where one does the same: numpy, LangChain, LlamaIndex, openai.

All are in the development environment; one that is missing is left out.
"""

import json
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

Make = Callable[[int], Callable[[], object]]
CALL = {"role": "assistant", "content": None}


def peers_of(case: str) -> dict[str, Make]:
    """Return the peers that do the work of a case, by name."""
    return {name: make for name, (package, make) in PEERS.get(case, {}).items() if find_spec(package)}


def _numpy_searches(n: int) -> Callable[[], object]:
    import numpy

    rows = numpy.ones((n, 1), "float32")

    def search(at: int) -> object:
        nonlocal rows
        rows = numpy.vstack([rows, numpy.ones((1, 1), "float32")])
        scores = rows @ numpy.ones(1, "float32") / numpy.linalg.norm(rows, axis=1)
        return numpy.argpartition(-scores, 1)[:1]

    return lambda: [search(at) for at in range(50)]


def _langchain_store(n: int) -> Any:
    from langchain_core.embeddings import Embeddings
    from langchain_core.vectorstores import InMemoryVectorStore

    class Same(Embeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [[0.5] for _ in texts]

        def embed_query(self, text: str) -> list[float]:
            return [0.5]

    store = InMemoryVectorStore(Same())
    store.add_texts([f"node {at}" for at in range(n)], ids=[str(at) for at in range(n)])
    return store


def _langchain_searches(n: int) -> Callable[[], object]:
    store = _langchain_store(n)

    def search(at: int) -> object:
        store.add_texts([f"new {at}"])
        return store.similarity_search("x", k=1)

    return lambda: [search(at) for at in range(50)]


def _langchain_delete(n: int) -> Callable[[], object]:
    store = _langchain_store(n)
    return lambda: store.delete([str(at) for at in range(n // 2)])


def _llama_store(n: int) -> Any:
    from llama_index.core.schema import TextNode
    from llama_index.core.vector_stores import SimpleVectorStore

    store = SimpleVectorStore()
    store.add([TextNode(text=f"node {at}", id_=str(at), embedding=[0.5]) for at in range(n)])
    return store


def _llama_searches(n: int) -> Callable[[], object]:
    from llama_index.core.schema import TextNode
    from llama_index.core.vector_stores import VectorStoreQuery

    store = _llama_store(n)

    def search(at: int) -> object:
        store.add([TextNode(text=f"new {at}", embedding=[0.5])])
        return store.query(VectorStoreQuery(query_embedding=[0.5], similarity_top_k=1))

    return lambda: [search(at) for at in range(50)]


def _llama_delete(n: int) -> Callable[[], object]:
    store = _llama_store(n)
    return lambda: store.delete_nodes([str(at) for at in range(n // 2)])


def _llama_split(text: Callable[[int], str], size: Callable[[int], int], n: int) -> Callable[[], object]:
    from llama_index.core.node_parser import TokenTextSplitter

    splitter = TokenTextSplitter(chunk_size=size(n), chunk_overlap=0)
    splitter.split_text("word")
    return lambda: splitter.split_text(text(n))


def _openai(answer: Callable[[dict], Any]) -> Any:
    """Return a client of the openai SDK that is answered from memory: by JSON, or by bytes of events."""
    import httpx2
    from openai import OpenAI

    def respond(request: httpx2.Request) -> httpx2.Response:
        found = answer(json.loads(request.content))
        if isinstance(found, dict):
            return httpx2.Response(200, json=found)
        return httpx2.Response(200, content=found, headers={"content-type": "text/event-stream"})

    return OpenAI(api_key="k", http_client=httpx2.Client(transport=httpx2.MockTransport(respond)))


def _completion(body: dict) -> dict:
    message = {"role": "assistant", "content": "Hi."}
    return {"id": "c", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}


def _openai_embeds(n: int) -> Callable[[], object]:
    client = _openai(
        lambda body: {"data": [{"index": at, "embedding": "AAAAPw=="} for at in range(len(body["input"]))]}
    )

    def embed(texts: list[str]) -> list[list[float]]:
        return [each.embedding for each in client.embeddings.create(model="m", input=texts).data]

    embed(["warm"])
    return lambda: [embed([str(at + nth) for nth in range(100)]) for at in range(0, n, 100)]


def _openai_history(n: int) -> Callable[[], object]:
    client = _openai(_completion)
    call = {"id": "call_0", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}
    result = {"role": "tool", "tool_call_id": "call_0", "content": "ok"}
    messages = [{"role": "user", "content": "hi"}, *[{**CALL, "tool_calls": [call]}, result] * n]
    ask = partial(client.chat.completions.create, model="m")
    ask(messages=messages[:1])
    return lambda: ask(messages=messages)


def _openai_models(n: int) -> Callable[[], object]:
    create = _openai(_completion).chat.completions.create
    create(model="m", messages=[{"role": "user", "content": "hi"}])
    return lambda: [create(model=f"m-{at}", messages=[{"role": "user", "content": "hi"}]) for at in range(n)]


def _deltas(value: Any) -> list[str]:
    text = json.dumps(value)
    return [text[at : at + 16] for at in range(0, len(text), 16)]


def _openai_streamed(value: Callable[[int], Any], n: int) -> Callable[[], object]:
    """Stream an object with the SDK's helper, which reads what there is of it after each event."""
    from pydantic import BaseModel, ConfigDict

    class Anything(BaseModel):
        model_config = ConfigDict(extra="allow")

    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}

    def event(delta: dict, reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return b"data: %s\n\n" % json.dumps({**chunk, "choices": [choice]}).encode()

    events = [event({"role": "assistant", "content": delta}) for delta in _deltas(value(n))]
    body = b"".join([*events, event({}, "stop"), b"data: [DONE]\n\n"])
    client = _openai(lambda _: body)
    messages = [{"role": "user", "content": "hi"}]

    def read() -> list[object]:
        with client.chat.completions.stream(model="m", messages=messages, response_format=Anything) as stream:
            return [each.type for each in stream]

    return read


def _langchain_streamed(value: Callable[[int], Any], n: int) -> Callable[[], object]:
    """Read the text of an object as it comes with LangChain's parser, which yields what there is of it."""
    from langchain_core.output_parsers import JsonOutputParser

    deltas = _deltas(value(n))
    return lambda: [None for _ in JsonOutputParser().transform(iter(deltas))]


def _streamed(value: Callable[[int], Any]) -> dict[str, tuple[str, Make]]:
    return {
        "openai": ("openai", partial(_openai_streamed, value)),
        "LangChain": ("langchain_core", partial(_langchain_streamed, value)),
    }


PEERS: dict[str, dict[str, tuple[str, Make]]] = {
    "50 notes added and searched, among": {
        "numpy": ("numpy", _numpy_searches),
        "LangChain": ("langchain_core", _langchain_searches),
        "LlamaIndex": ("llama_index", _llama_searches),
    },
    "half of all nodes deleted by id": {
        "LangChain": ("langchain_core", _langchain_delete),
        "LlamaIndex": ("llama_index", _llama_delete),
    },
    "texts embedded": {"openai": ("openai", _openai_embeds)},
    "calls of one id in a history": {"openai": ("openai", _openai_history)},
    "models called in turn": {"openai": ("openai", _openai_models)},
    "a flat list streamed as an object": _streamed(lambda n: {"v": [1] * n}),
    "a flat map streamed as an object": _streamed(lambda n: {f"k{at:05}": 9 for at in range(n)}),
    "words split, in pieces of 256 tokens": {
        "LlamaIndex": ("llama_index", partial(_llama_split, lambda n: "word " * n, lambda n: 256)),
    },
    "50,000 words split, in pieces of": {
        "LlamaIndex": ("llama_index", partial(_llama_split, lambda n: "word " * 50_000, lambda n: n)),
    },
}
