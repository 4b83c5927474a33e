"""VectorRetriever: nodes found by how alike their vectors are to the query's."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..pipeline.effects import Run, in_thread
from ..recipe import Recipe, acarry_out, carry_out
from ..schemas.errors import ConfigError, StepwellError
from ..schemas.json_text import REPAIRED_TEXT, well_formed
from ..workflows.embed.embedder import Embedder
from ..workflows.embed.result import Embeddings
from ..workflows.embed.vectors import Mode, check_mode
from .filters import Where, check_where
from .node import Node, digest, nodes_of
from .retriever import Retriever, Search
from .store import NodeStore


class VectorRetriever(Retriever):
    """Keeps nodes with their vectors and finds those nearest to a query.

        notes = VectorRetriever("openai:text-embedding-3-small", "notes.sqlite")
        notes.add([Document(text, source="handbook.md"), "a single note"])
        notes.retrieve("How long is the warranty?", top_k=3, where={"source": "handbook.md"})

    `embedder` is an Embedder, or the model to make one for. `path` is an SQLite file that threads and processes may
    share; without one the nodes live in memory, as long as this object does. All vectors are held in memory for
    searching, four bytes a number: meant for up to some hundred thousand nodes. `similarity` is cosine, dot or
    euclidean; `targets` names what pointers point to.
    """

    def __init__(
        self,
        embedder: Embedder | str | None = None,
        path: str | Path | None = None,
        *,
        top_k: int = 4,
        min_score: float | None = None,
        similarity: Mode = "cosine",
        targets: Mapping[str, Any] | None = None,
        name: str = "",
    ) -> None:
        check_mode(similarity)
        self.embedder = embedder if isinstance(embedder, Embedder) else Embedder(embedder)
        self.top_k = top_k
        self.min_score = min_score
        self.similarity = similarity
        self.targets = targets or {}
        self.name = name
        self._store = NodeStore(path, self.embedder.fingerprint)

    def add(self, nodes: Any) -> list[str]:
        """Add texts, Nodes or Documents, one or many; gives the ids of the nodes.

        A node whose id is there already is replaced, and embedded again only if its text has changed. Raises what the
        Embedder raises, after the nodes that could be embedded have been kept.
        """
        ids: list[str] = carry_out(None, self._adding(_whole(nodes_of(nodes))))
        return ids

    async def aadd(self, nodes: Any) -> list[str]:
        """VectorRetriever.add, awaited."""
        ids: list[str] = await acarry_out(None, self._adding(_whole(nodes_of(nodes))))
        return ids

    def delete(self, ids: Sequence[str] | None = None, *, source: str | None = None, where: Where = None) -> int:
        """Delete the nodes that everything given applies to; gives how many. Raises ConfigError when nothing is given:
        to delete all, say `where=lambda metadata: True`."""
        count: int = carry_out(None, self._deleting(ids, source, where))
        return count

    async def adelete(self, ids: Sequence[str] | None = None, *, source: str | None = None, where: Where = None) -> int:
        """VectorRetriever.delete, awaited."""
        count: int = await acarry_out(None, self._deleting(ids, source, where))
        return count

    def get(self, ids: Iterable[str]) -> dict[str, Node]:
        """The nodes that are there, by id."""
        return self._store.get(list(ids))

    def close(self) -> None:
        """Close the file; nodes that lived in memory are gone. A later use opens it again."""
        self._store.close()

    def __len__(self) -> int:
        return self._store.count()

    def __bool__(self) -> bool:
        return True

    def __enter__(self) -> VectorRetriever:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def seek(self, search: Search) -> Recipe:
        embedder, store = self.embedder, self._store
        vector = yield Run(lambda: embedder.embed_query(search.text), lambda: embedder.aembed_query(search.text))
        return (yield in_thread(lambda: store.search(vector, search, self.similarity)))

    def _adding(self, nodes: list[Node]) -> Recipe:
        embedder, store = self.embedder, self._store
        new: list[Node] = yield in_thread(lambda: store.unknown(nodes))
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
        got = {node.id: vector for node, vector in zip(new, vectors, strict=True) if vector is not None}
        missing = {node.id for node in new} - got.keys()
        yield in_thread(lambda: store.put([node for node in nodes if node.id not in missing], got))
        if failure is not None:
            raise failure
        return list(dict.fromkeys(node.id for node in nodes))

    def _deleting(self, ids: Sequence[str] | None, source: str | None, where: Where) -> Recipe:
        if ids is None and source is None and where is None:
            raise ConfigError("which nodes are to be deleted?", hint="give ids, source= or where=")
        check_where(where)
        wanted = [ids] if isinstance(ids, str) else ids
        chosen: list[str] = yield in_thread(lambda: self._store.chosen(wanted, source, where))
        yield in_thread(lambda: self._store.delete(chosen))
        return len(chosen)


def _whole(nodes: list[Node]) -> list[Node]:
    """Return the nodes with U+FFFD for each half of a surrogate pair, which no file can keep; warn once.

    A target that is no text stays as it is, and an id that was made from the text is made from the new one.
    """
    whole = [_repaired(node) for node in nodes]
    if any(one is not other for one, other in zip(nodes, whole, strict=True)):
        warnings.warn(f"nodes: {REPAIRED_TEXT[1]}", stacklevel=3)
    return whole


def _repaired(node: Node) -> Node:
    given = (node.text, node.source, dict(node.metadata), node.id)
    text, source, metadata, id = whole = well_formed(given)
    target = well_formed(node.target) if isinstance(node.target, str) else node.target
    if whole is given and target is node.target:
        return node
    named = "" if node.id == digest(node.text, node.source) else id
    return Node(text, source, metadata, id=named, target=target)
