"""Nodes and their vectors in SQLite, in a file or in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..schemas.errors import ConfigError
from ..schemas.json_text import dumps, loads
from ..schemas.process_lock import ProcessLock
from ..stores.sqlite import MEMORY, Database
from ..workflows.embed.vectors import Mode, Vector, packed, unpacked
from .filters import Where, matches
from .index import Entry, Index
from .node import Node, ScoredNode
from .retriever import Search

if TYPE_CHECKING:
    from sqlite3 import Connection

_CHANGES = 10_000
"""How many of the last changes a file remembers. An index that has missed more is read anew."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS nodes (
    id TEXT PRIMARY KEY, text TEXT NOT NULL, source TEXT NOT NULL, metadata TEXT NOT NULL, target TEXT,
    vector BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS by_source ON nodes (source);
CREATE TABLE IF NOT EXISTS changes (number INTEGER PRIMARY KEY, id TEXT NOT NULL);
""" + ";".join(
    f"""
CREATE TRIGGER IF NOT EXISTS note_{event} AFTER {event} ON nodes BEGIN
    INSERT INTO changes (id) VALUES ({row}.id);
    DELETE FROM changes WHERE number <= last_insert_rowid() - {_CHANGES};
END"""
    for event, row in (("insert", "NEW"), ("update", "NEW"), ("delete", "OLD"))
)
_OBJECT = ""
"""Stands in the file for a target that is an object and not a name."""
_FIELDS = "id, text, source, metadata, target"
_ENTRY_FIELDS = "rowid, id, source, metadata, target IS NOT NULL, vector"


class NodeStore:
    """Nodes with their vectors. Safe across threads and processes: the next search sees what another process added.

    path: an SQLite file; None: in memory.
    fingerprint: the model and options of the vectors; a file is searched only with those it was made with.
    """

    def __init__(self, path: str | Path | None, fingerprint: str) -> None:
        self._database = Database(path or MEMORY, _SCHEMA)
        self._fingerprint = fingerprint
        self._checked = False
        self._index: Index | None = None
        self._seen = 0  # the last change that the index knows
        self._lock = ProcessLock()
        # Targets that are objects cannot be written to the database and live as long as this store.
        self._objects: dict[str, Any] = {}

    def unknown(self, nodes: Sequence[Node]) -> list[Node]:
        """Return the nodes to embed: those whose id is not stored with the same text. The last node of an id counts.

        Raises ConfigError for a node that cannot be stored, before anything is spent on embedding.
        """
        self._check()
        for node in nodes:
            self._row(node)
        by_id = {node.id: node for node in nodes}
        rows = self._database.read_many("SELECT id, text FROM nodes WHERE id IN ({})", list(by_id))
        known = dict(rows)
        return [node for node in by_id.values() if known.get(node.id) != node.text]

    def put(self, nodes: Sequence[Node], vectors: Mapping[str, Vector]) -> None:
        """Store the nodes.

        nodes: those without a vector are stored already; their source, metadata and target are updated.
        vectors: the vectors of new or changed nodes, by id.
        """
        self._check()
        lengths = {len(vector) for vector in vectors.values()}
        new = [(*self._row(node), packed(vectors[node.id])) for node in nodes if node.id in vectors]
        old = [(*self._row(node)[2:], node.id) for node in nodes if node.id not in vectors]

        def work(connection: Connection) -> None:
            self._write_about(connection, lengths)
            connection.executemany("INSERT OR REPLACE INTO nodes VALUES (?, ?, ?, ?, ?, ?)", new)
            connection.executemany("UPDATE nodes SET source = ?, metadata = ?, target = ? WHERE id = ?", old)

        for node in nodes:
            self._objects.pop(node.id, None)
            if node.target is not None and not isinstance(node.target, str):
                self._objects[node.id] = node.target
        self._database.change(work)

    def delete(self, ids: Sequence[str]) -> None:
        """Delete the nodes with these ids."""
        self._database.write("DELETE FROM nodes WHERE id = ?", [(id,) for id in ids])
        for id in ids:
            self._objects.pop(id, None)

    def select(self, ids: Sequence[str] | None, source: str | None, where: Where) -> list[str]:
        """Return the ids of the nodes that match every condition.

        ids: one of these (None: any).
        source: exactly this one (None: any).
        where: a filter of the metadata (None: any).
        """
        self._check()
        query = f"SELECT id, source, {'NULL' if where is None else 'metadata'} FROM nodes"
        if ids is not None:
            rows = self._database.read_many(f"{query} WHERE id IN ({{}})", list(dict.fromkeys(ids)))
        elif source is not None:
            rows = self._database.read(f"{query} WHERE source = ?", (source,))
        else:
            rows = self._database.read(query)
        return [
            id
            for id, stored, metadata in rows
            if source in (None, stored) and (where is None or matches(where, loads(metadata), stored))
        ]

    def get(self, ids: Sequence[str]) -> dict[str, Node]:
        """Return the stored nodes of these ids, by id."""
        self._check()
        rows = self._database.read_many(f"SELECT {_FIELDS} FROM nodes WHERE id IN ({{}})", ids)
        return {row[0]: self._node(row) for row in rows}

    def count(self) -> int:
        """Return how many nodes are stored."""
        self._check()
        return int(self._database.read("SELECT COUNT(*) FROM nodes")[0][0])

    def search(self, query: Vector, search: Search, mode: Mode) -> list[ScoredNode]:
        """Return the best nodes, one of those with the same text and source, and the pointers ranked among them.

        `where` does not apply to pointers but to the nodes they lead to. As these may be none, up to `top_k` pointers
        are returned in addition to `top_k` nodes.

        query: the vector of the query.
        search: what to look for.
        mode: how vectors are compared.
        """
        fitting = self._fitting(query, search, mode)
        found: dict[str | tuple[str, str], ScoredNode] = {}
        missing, size = search.top_k, search.top_k
        while scores := dict(islice(fitting, size)):
            known = self.get(list(scores))
            for node, score in ((known[id], score) for id, score in scores.items() if id in known):
                is_pointer = node.target is not None
                key = node.id if is_pointer else node.identity
                if key not in found:
                    found[key] = ScoredNode(node, score)
                    missing -= not is_pointer
                if not missing:
                    return list(found.values())
            size *= 2  # a text that is stored a thousand times is then read in ten steps
        return list(found.values())

    def _fitting(self, query: Vector, search: Search, mode: Mode) -> Iterator[tuple[str, float]]:
        """Yield the ids and scores of the entries that pass the search, best first."""
        pointers = 0
        for entry, score in self._current().ranked(query, mode):
            if search.min_score is not None and score < search.min_score:
                return
            if entry.is_pointer:
                pointers += 1
            if pointers <= search.top_k if entry.is_pointer else matches(search.where, entry.metadata, entry.source):
                yield entry.id, score

    def close(self) -> None:
        """Close the database and drop the index. A later use opens it again."""
        self._index = None
        self._checked = False
        self._database.close()

    def _current(self) -> Index:
        """Return an index of the current rows of the database: that of the last search, with what has changed since."""
        self._check()
        with self._lock:
            ((last,),) = self._database.read("SELECT COALESCE(MAX(number), 0) FROM changes")
            changed = self._database.read("SELECT id FROM changes WHERE number > ?", (self._seen,))
            index, self._index = self._index, None  # a process that is forked meanwhile reads all anew
            # Where the file remembers less than has changed, and where most of the index would be of deleted nodes.
            if index is None or len(changed) != last - self._seen or index.removed > len(index):
                ((count,),) = self._database.read("SELECT COUNT(*) FROM nodes")
                index = Index(count)
                rows = self._database.rows(f"SELECT {_ENTRY_FIELDS} FROM nodes ORDER BY rowid")
            else:
                ids = dict.fromkeys(id for (id,) in changed)
                found = self._database.read_many(f"SELECT {_ENTRY_FIELDS} FROM nodes WHERE id IN ({{}})", list(ids))
                for id in ids.keys() - {row[1] for row in found}:
                    index.remove(id)
                rows = iter(sorted(found))
            for row, id, source, metadata, is_pointer, vector in rows:
                index.put(Entry(row, id, source, loads(metadata), bool(is_pointer)), unpacked(vector))
            self._seen, self._index = last, index
            return index.snapshot()

    def _check(self) -> None:
        """Raise ConfigError if the file's vectors are of another model or of other options."""
        if not self._checked:
            self._compare(dict(self._database.read("SELECT name, value FROM about")))
            self._checked = True

    def _compare(self, about: Mapping[str, str]) -> None:
        fingerprint = about.get("made_with", self._fingerprint)
        if fingerprint != self._fingerprint:
            raise ConfigError(
                f"{self._database.path} holds vectors of {fingerprint}, not of {self._fingerprint}",
                hint="vectors of different models cannot be compared: use the same model, or another file",
            )

    def _write_about(self, connection: Connection, lengths: set[int]) -> None:
        """Write the fingerprint and the length of the vectors, or compare them with what is written.

        Raises ConfigError if the vectors are of several lengths.
        """
        known = dict(connection.execute("SELECT name, value FROM about").fetchall())
        self._compare(known)  # again, because another process may have written in the meantime
        lengths = lengths | {int(known["dimensions"])} if "dimensions" in known else lengths
        if len(lengths) > 1:
            raise ConfigError(
                f"vectors of {' and '.join(map(str, sorted(lengths)))} numbers cannot be stored in one file",
                hint="the model's vectors have changed: use another file, or set dimensions=",
            )
        about = [("made_with", self._fingerprint), *(("dimensions", str(length)) for length in lengths)]
        connection.executemany("INSERT OR REPLACE INTO about VALUES (?, ?)", about)

    def _row(self, node: Node) -> tuple[str, str, str, bytes, str | None]:
        target = node.target
        if target is not None and not isinstance(target, str):
            if self._database.path != MEMORY:
                raise ConfigError(
                    "a pointer to an object cannot be stored in a file",
                    hint='point to a name, Node(..., target="archive"), and define it: targets={"archive": ...}',
                )
            target = _OBJECT
        try:
            metadata = dumps(dict(node.metadata))
        except TypeError as error:
            raise ConfigError(
                f"the metadata of a node cannot be stored: {error}", hint="use plain JSON values"
            ) from None
        return node.id, node.text, node.source, metadata, target

    def _node(self, row: tuple[Any, ...]) -> Node:
        id, text, source, metadata, target = row
        return Node(text, source, loads(metadata), id=id, target=self._objects.get(id) if target == _OBJECT else target)
