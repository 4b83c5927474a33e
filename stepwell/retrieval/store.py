"""Nodes and their vectors in SQLite, in a file or in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from ..schemas.errors import ConfigError
from ..schemas.json_text import dumps, loads
from ..stores.sqlite import MEMORY, Database
from ..workflows.embed.vectors import Mode, Vector, packed, unpacked
from .filters import Where, matches
from .index import Entry, Index
from .node import Node, ScoredNode
from .retriever import Search

_SCHEMA = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS nodes (
    id TEXT PRIMARY KEY, text TEXT NOT NULL, source TEXT NOT NULL, metadata TEXT NOT NULL, target TEXT,
    vector BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS by_source ON nodes (source);
"""
_OBJECT = ""
"""A target that is no name."""
_FIELDS = "id, text, source, metadata, target"


class NodeStore:
    """Safe across threads and processes: what another process adds is found by the next search.

    `fingerprint` names the model and options of the vectors: a file is searched only with what it was made with.
    """

    def __init__(self, path: str | Path | None, fingerprint: str) -> None:
        self._database = Database(path or MEMORY, _SCHEMA)
        self._fingerprint = fingerprint
        self._checked = False
        self._index: tuple[Any, Index] | None = None
        self._changes = 0
        # Pointers to objects live as long as this store does: an object cannot be written down.
        self._objects: dict[str, Any] = {}

    def unknown(self, nodes: Sequence[Node]) -> list[Node]:
        """Those whose text is not here yet under their id, each id once; of one id the last counts. Raises ConfigError
        for what cannot be kept, so that it is told before anything is paid for."""
        self._check()
        for node in nodes:
            self._row(node)
        wanted = {node.id: node for node in nodes}
        rows = self._database.read_many("SELECT id, text FROM nodes WHERE id IN ({})", list(wanted))
        known = dict(rows)
        return [node for node in wanted.values() if known.get(node.id) != node.text]

    def put(self, nodes: Sequence[Node], vectors: Mapping[str, Vector]) -> None:
        """Write the nodes that have a vector, by id; of the others only what goes with a vector that is here."""
        self._check()
        lengths = {len(vector) for vector in vectors.values()}
        new = [(*self._row(node), packed(vectors[node.id])) for node in nodes if node.id in vectors]
        old = [(*self._row(node)[2:], node.id) for node in nodes if node.id not in vectors]

        def work(connection: Any) -> None:
            self._agree(connection, lengths)
            connection.executemany("INSERT OR REPLACE INTO nodes VALUES (?, ?, ?, ?, ?, ?)", new)
            connection.executemany("UPDATE nodes SET source = ?, metadata = ?, target = ? WHERE id = ?", old)

        for node in nodes:
            self._objects.pop(node.id, None)
            if node.target is not None and not isinstance(node.target, str):
                self._objects[node.id] = node.target
        self._database.change(work)
        self._changes += 1

    def delete(self, ids: Sequence[str]) -> None:
        self._database.write("DELETE FROM nodes WHERE id = ?", [(id,) for id in ids])
        self._changes += 1

    def chosen(self, ids: Sequence[str] | None, source: str | None, where: Where) -> list[str]:
        """The ids of the nodes that all of what is given applies to."""
        self._check()
        rows = self._database.read("SELECT id, source, metadata FROM nodes ORDER BY rowid")
        return [
            id
            for id, from_, metadata in rows
            if (ids is None or id in ids) and source in (None, from_) and matches(where, loads(metadata), from_)
        ]

    def get(self, ids: Sequence[str]) -> dict[str, Node]:
        self._check()
        rows = self._database.read_many(f"SELECT {_FIELDS} FROM nodes WHERE id IN ({{}})", ids)
        return {row[0]: self._node(row) for row in rows}

    def count(self) -> int:
        self._check()
        return int(self._database.read("SELECT COUNT(*) FROM nodes")[0][0])

    def search(self, query: Vector, search: Search, mode: Mode) -> list[ScoredNode]:
        """The best nodes, of those with the same text and source one, and the pointers among them.

        Pointers are neither held to `where`, for what counts is what stands where they point to, nor do they take the
        place of nodes, for it may be nothing: up to `top_k` of them come besides.
        """
        fitting = self._fitting(query, search, mode)
        found: dict[Any, ScoredNode] = {}
        places, size = search.top_k, search.top_k
        while scores := dict(islice(fitting, size)):
            known = self.get(list(scores))
            for node, score in ((known[id], score) for id, score in scores.items() if id in known):
                pointing = node.target is not None
                key = node.id if pointing else node.identity
                if key not in found:
                    found[key] = ScoredNode(node, score)
                    places -= not pointing
                if not places:
                    return list(found.values())
            size *= 2  # so that a text which is here a thousand times is not read in a thousand steps
        return list(found.values())

    def _fitting(self, query: Vector, search: Search, mode: Mode) -> Iterator[tuple[str, float]]:
        """The ids and scores of what passes, best first."""
        pointers = 0
        for entry, score in self._current().ranked(query, mode):
            if search.min_score is not None and score < search.min_score:
                return
            if entry.is_pointer:
                pointers += 1
            if pointers <= search.top_k if entry.is_pointer else matches(search.where, entry.metadata, entry.source):
                yield entry.id, score

    def close(self) -> None:
        self._index = None
        self._checked = False
        self._database.close()

    def _current(self) -> Index:
        """The index of what stands in the file now."""
        self._check()
        # data_version tells what other connections changed, our own count what we did.
        version = (self._database.read("PRAGMA data_version"), self._changes)
        if self._index is None or self._index[0] != version:
            rows = self._database.read("SELECT id, source, metadata, target, vector FROM nodes ORDER BY rowid")
            entries = [Entry(id, source, loads(data), target is not None) for id, source, data, target, _ in rows]
            self._index = (version, Index(entries, [unpacked(row[4]) for row in rows]))
        return self._index[1]

    def _check(self) -> None:
        """Raise ConfigError for a file that was made with something else."""
        if not self._checked:
            self._compare(dict(self._database.read("SELECT name, value FROM about")))
            self._checked = True

    def _compare(self, about: Mapping[str, str]) -> None:
        fingerprint = about.get("made_with", self._fingerprint)
        if fingerprint != self._fingerprint:
            raise ConfigError(
                f"{self._database.path} was made with {fingerprint}, not with {self._fingerprint}",
                hint="vectors of different models cannot be compared: use the same, or another file",
            )

    def _agree(self, connection: Any, lengths: set[int]) -> None:
        """Note what the vectors are, the first time; later ones must be as long."""
        known = dict(connection.execute("SELECT name, value FROM about").fetchall())
        self._compare(known)  # again, for another process may have been quicker
        lengths = lengths | {int(known["dimensions"])} if "dimensions" in known else lengths
        if len(lengths) > 1:
            raise ConfigError(
                f"vectors of {' and '.join(map(str, sorted(lengths)))} numbers cannot be kept together",
                hint="the model's vectors have changed: use another file, or set dimensions=",
            )
        about = [("made_with", self._fingerprint), *(("dimensions", str(length)) for length in lengths)]
        connection.executemany("INSERT OR REPLACE INTO about VALUES (?, ?)", about)

    def _row(self, node: Node) -> tuple[str, str, str, bytes, str | None]:
        target = node.target
        if target is not None and not isinstance(target, str):
            if self._database.path != MEMORY:
                raise ConfigError(
                    "a pointer to an object cannot be kept in a file",
                    hint='point to a name, Node(..., target="archive"), and say what it is: targets={"archive": ...}',
                )
            target = _OBJECT
        try:
            metadata = dumps(dict(node.metadata))
        except TypeError as error:
            raise ConfigError(f"the metadata of a node cannot be kept: {error}", hint="use plain JSON values") from None
        return node.id, node.text, node.source, metadata, target

    def _node(self, row: tuple[Any, ...]) -> Node:
        id, text, source, metadata, target = row
        return Node(text, source, loads(metadata), id=id, target=self._objects.get(id) if target == _OBJECT else target)
