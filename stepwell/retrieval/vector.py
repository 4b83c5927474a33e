"""VectorRetriever: nodes found by the similarity of their vectors to that of the query."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterable, Mapping, Sequence
from operator import is_not
from pathlib import Path
from typing import Any

from ..options import ModelLike
from ..pipeline.effects import Flow, Run, in_thread
from ..pipeline.event_loops import adrive_local
from ..pipeline.threads import drive_local
from ..schemas.errors import ConfigError, StepwellError
from ..schemas.json_text import REPAIRED_TEXT, well_formed
from ..workflows.embed.custom import EmbeddingFunction
from ..workflows.embed.embedder import Embedder
from ..workflows.embed.result import Embeddings
from ..workflows.embed.vectors import Mode, check_mode
from .filters import Where, check_where
from .node import Node, Nodes, digest, nodes_of, settled
from .retriever import Retriever, Search, check_limits
from .store import NodeStore


class VectorRetriever(Retriever):
    """A retriever that stores nodes with their vectors and finds those nearest to a query.

        notes = VectorRetriever("openai:text-embedding-3-small", "notes.sqlite")
        notes.add([Document(text, source="handbook.md"), "a single note"])
        notes.retrieve("How long is the warranty?", top_k=3, where={"source": "handbook.md"})

    All vectors are held in memory for searching, four bytes a number: meant for some hundred thousand nodes.

    embedder: an Embedder, or what one is made of: the name of a model, or a function of yours; None: the default model.
    path: an SQLite file, which threads and processes may share; None: nodes live in memory, as long as this object.
    top_k, min_score: defaults of each search.
    similarity: how vectors are compared: cosine, dot or euclidean.
    targets: what pointers may point to by name.
    name: how events and errors call it.
    """

    def __init__(
        self,
        embedder: Embedder | ModelLike | EmbeddingFunction = None,
        path: str | Path | None = None,
        *,
        top_k: int = 4,
        min_score: float | None = None,
        similarity: Mode = "cosine",
        targets: Mapping[str, object] | None = None,
        name: str = "",
    ) -> None:
        check_mode(similarity)
        check_limits(top_k, min_score)
        self.embedder = embedder if isinstance(embedder, Embedder) else Embedder(embedder)
        self.top_k = top_k
        self.min_score = min_score
        self.similarity = similarity
        self.targets = targets or {}
        self.name = name
        self._store = NodeStore(path, self.embedder.fingerprint)

    def add(self, nodes: Nodes) -> list[str]:
        """Add texts, Nodes or Documents, one or many; return the ids of the nodes.

        A node whose id is stored already is replaced, and embedded again only if its text has changed. Raises what the
        Embedder raises, after storing the nodes that could be embedded.
        """
        return drive_local(self._add(settled(nodes)))

    async def aadd(self, nodes: Nodes) -> list[str]:
        """Async version of `add`."""
        return await adrive_local(self._add(settled(nodes)))

    def delete(self, ids: Sequence[str] | None = None, *, source: str | None = None, where: Where = None) -> int:
        """Delete the nodes that match every condition; return how many there were.

        Raises ConfigError without a condition; to delete all nodes, pass `where=lambda metadata: True`.

        ids: the nodes with these ids.
        source: the nodes from this source.
        where: the nodes that pass this filter.
        """
        return drive_local(self._delete(ids, source, where))

    async def adelete(self, ids: Sequence[str] | None = None, *, source: str | None = None, where: Where = None) -> int:
        """Async version of `delete`."""
        return await adrive_local(self._delete(ids, source, where))

    def get(self, ids: Iterable[str]) -> dict[str, Node]:
        """Return the stored nodes of these ids, by id."""
        return self._store.get([ids] if isinstance(ids, str) else list(ids))

    def close(self) -> None:
        """Close the file, or drop the nodes in memory. A later use opens it again."""
        self._store.close()

    def __len__(self) -> int:
        return self._store.count()

    def __bool__(self) -> bool:
        return True

    def __enter__(self) -> VectorRetriever:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def seek(self, search: Search) -> Flow:
        """Embed the query and search the store, as a workflow."""
        embedder, store = self.embedder, self._store
        vector = yield Run(lambda: embedder.embed_query(search.text), lambda: embedder.aembed_query(search.text))
        return (yield in_thread(lambda: store.search(vector, search, self.similarity), recorded=False))

    def _add(self, given: Nodes) -> Flow:
        embedder, store = self.embedder, self._store

        def prepared() -> tuple[list[Node], bool, list[Node]]:
            made = nodes_of(given)
            nodes = [_repaired_node(node) for node in made]
            return nodes, any(map(is_not, made, nodes)), store.unknown(nodes)

        nodes, repaired, new = yield in_thread(prepared, recorded=False)  # to split a long text takes seconds
        if repaired:
            warnings.warn(f"nodes: {REPAIRED_TEXT[1]}", stacklevel=_CALLER)
        texts = [node.text for node in new]
        failure: StepwellError | None = None
        try:
            vectors: Embeddings = yield Run(
                lambda: embedder.embed_documents(texts), lambda: embedder.aembed_documents(texts)
            )
        except StepwellError as error:
            if not isinstance(error.partial, Embeddings):
                raise
            failure, vectors = error, error.partial

        def stored() -> list[str]:
            embedded = {node.id: vector for node, vector in zip(new, vectors, strict=True) if vector is not None}
            failed = {node.id for node in new} - embedded.keys()
            store.put([node for node in nodes if node.id not in failed], embedded)
            return list(dict.fromkeys(node.id for node in nodes))

        ids: list[str] = yield in_thread(stored, recorded=False)
        if failure is not None:
            raise failure
        return ids

    def _delete(self, ids: Sequence[str] | None, source: str | None, where: Where) -> Generator[Any, Any, int]:
        if ids is None and source is None and where is None:
            raise ConfigError("delete has no selection of nodes", hint="pass ids, source= or where=")
        check_where(where)
        id_list = [ids] if isinstance(ids, str) else ids
        selected: list[str] = yield in_thread(lambda: self._store.select(id_list, source, where), recorded=False)
        yield in_thread(lambda: self._store.delete(selected), recorded=False)
        return len(selected)


_CALLER = 5
"""The frames from the flow that adds to the caller of `add` or `aadd`: it, its driver, two functions, the caller."""


def _repaired_node(node: Node) -> Node:
    """Return the node with U+FFFD for each half of a surrogate pair, which no file can store.

    A target that is not text is unchanged, and an id that was made from the text is made from the new one.
    """
    fields = (node.text, node.source, dict(node.metadata), node.id)
    text, source, metadata, id = repaired = well_formed(fields)
    target = well_formed(node.target) if isinstance(node.target, str) else node.target
    if repaired is fields and target is node.target:
        return node
    chosen_id = "" if node.id == digest(node.text, node.source) else id
    return Node(text, source, metadata, id=chosen_id, target=target)
