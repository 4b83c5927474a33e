"""Retriever: the base class that adds pointers, de-duplication, filters, events, sync and async to a `find`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from inspect import isasyncgen, isawaitable, iscoroutinefunction
from typing import Any

from attrs import field, frozen

from ..events import span
from ..pipeline.effects import Flow, Run, in_thread
from ..pipeline.event_loops import adrive_local
from ..pipeline.threads import drive_local
from ..schemas.errors import ConfigError, NotSupported
from ..schemas.foreign_names import Hinted
from ..schemas.functions import read_whole
from ..schemas.nearest import nearest
from .filters import Where, check_where, matches
from .node import Node, ScoredNode, scored_nodes_of

_MANY = 1000
"""Nodes above which an event loop does not wait until the best are found."""
MAX_DEPTH = 8
"""Pointers that are followed in a row, from one to the next."""


@frozen
class Search:
    """A query and its limits, as a retriever gets them."""

    text: str
    """The query."""
    top_k: int
    """Most nodes that are returned."""
    where: Where = None
    """The filter that nodes must pass."""
    min_score: float | None = None
    """Lowest score of a node; nodes without a score pass."""
    _visited: dict[int, object] = field(factory=dict, repr=False, eq=False)
    """The retrievers and functions searched so far: each is searched once, so that a circle of pointers ends. By id,
    and with the object, because an id may be used again once its object is gone."""

    def visit(self, target: object) -> None:
        """Remember that this retriever or function was searched."""
        self._visited[id(target)] = target

    def has_visited(self, target: object) -> bool:
        """Return whether this retriever or function was searched."""
        return id(target) in self._visited

    def branch(self, *, top_k: int | None = None, min_score: float | None = None) -> Search:
        """Copy the search for one of several retrievers that are searched at once.

        The copies do not share what they have visited, so that the result does not depend on which one is faster.
        """
        return Search(self.text, self.top_k if top_k is None else top_k, self.where, min_score, dict(self._visited))


class Retriever(Hinted, hints="retriever"):
    """Base class of retrievers. Subclass it and write `find`, or `afind` if it waits for the network, or both:

        class Titles(Retriever):
            def find(self, search):
                return [ScoredNode(node, 1.0) for node in my_nodes if search.text in node.text]

    Called asynchronously, a `find` without an `afind` runs in a thread. It may return texts, Nodes or ScoredNodes, any
    number of them: `where`, `min_score` and `top_k` of the search are applied afterwards.
    """

    name: str = ""
    """How events and errors call it; the class's name by default."""
    top_k: int = 4
    """Most nodes of a search that names no other number."""
    min_score: float | None = None
    """Lowest score of a search that names no other."""
    targets: Mapping[str, object] = {}
    """What pointers may point to by name."""

    def find(self, search: Search) -> Iterable[object]:
        """Find nodes for the search; written by subclasses."""
        raise NotSupported(f"{self._label} has no find(), so it can only be awaited", hint="use aretrieve()")

    async def afind(self, search: Search) -> Iterable[object]:
        """Async version of `find`; written by subclasses that wait for the network."""
        raise NotImplementedError

    def retrieve(
        self, query: str, *, top_k: int | None = None, where: Where = None, min_score: float | None = None
    ) -> list[ScoredNode]:
        """Return the nodes that fit the query, best first.

        Pointers among them are replaced by what is found where they point to. Of nodes with the same text and source,
        the one with the best score is returned. Raises ConfigError for an empty query, an invalid option or a pointer
        to an unknown target, and whatever a searched retriever raises.

        query: the text to find nodes for.
        top_k: most nodes to return; None: the retriever's `top_k`.
        where: filter by metadata, see `filters.matches`; None: no filter.
        min_score: lowest score of a node; None: the retriever's `min_score`.
        """
        return drive_local(self.look(self._search(query, top_k, where, min_score)))

    async def aretrieve(
        self, query: str, *, top_k: int | None = None, where: Where = None, min_score: float | None = None
    ) -> list[ScoredNode]:
        """Async version of `retrieve`."""
        return await adrive_local(self.look(self._search(query, top_k, where, min_score)))

    def look(self, search: Search, depth: int = 0) -> Flow:
        """Search this retriever and follow its pointers, as a workflow that others can run inside theirs.

        search: what to look for.
        depth: how many pointers led here.
        """
        search.visit(self)
        with span("retrieve", retriever=self._label, top_k=search.top_k) as report:
            found = list(scored_nodes_of((yield from self.seek(search))))
            found = yield from self._follow_pointers(found, search, depth)
            nodes: list[ScoredNode] = yield Run(lambda: best(found, search), blocks=len(found) > _MANY, recorded=False)
            report.note(found=len(nodes))
            return nodes

    def seek(self, search: Search) -> Flow:
        """Search this retriever alone, as a workflow: run `find` or `afind` unless a subclass does it differently."""
        has_find, has_afind = (getattr(type(self), name) is not getattr(Retriever, name) for name in ("find", "afind"))
        if has_afind:
            return (yield Run(lambda: read_whole(self.find(search)), lambda: self._await_found(search), recorded=False))
        if has_find:
            return (yield in_thread(lambda: read_whole(self.find(search)), recorded=False))
        raise NotSupported(f"{self._label} has neither find() nor afind()", hint="write one of them")

    async def _await_found(self, search: Search) -> Any:
        result: Any = self.afind(search)
        return [node async for node in result] if isasyncgen(result) else await result

    @property
    def _label(self) -> str:
        return self.name or type(self).__name__

    def _search(self, query: str, top_k: int | None, where: Where, min_score: float | None) -> Search:
        if not isinstance(query, str) or not query.strip():
            raise ConfigError("the query is empty or not a string", hint="pass a str with more than white space")
        most = self.top_k if top_k is None else top_k
        least = self.min_score if min_score is None else min_score
        check_limits(most, least)
        check_where(where)
        return Search(query, most, where, least)

    def _follow_pointers(self, nodes: list[ScoredNode], search: Search, depth: int) -> Flow:
        """Return the nodes, each pointer replaced by what is found where it points to."""
        result: list[ScoredNode] = []
        for scored in nodes:
            if scored.node.target is None:
                result.append(scored)
            elif depth < MAX_DEPTH:
                target = self._target(scored.node)
                if search.has_visited(target):
                    continue
                further = yield from _search_target(target, scored, search, depth + 1)
                result += yield from self._follow_pointers(further, search, depth + 1)
        return result

    def _target(self, node: Node) -> object:
        if not isinstance(node.target, str):
            return node.target
        if node.target not in self.targets:
            raise ConfigError(
                f"{self._label} has no target named {node.target!r}",
                hint=f"{nearest(node.target, self.targets)}; see targets=",
            )
        return self.targets[node.target]


def _search_target(target: object, pointer: ScoredNode, search: Search, depth: int) -> Flow:
    """Return the nodes that a pointer's target has for the search. Nodes without a score get the pointer's.

    target: a Retriever, a Node, a ScoredNode, or a function of the query.
    pointer: the node that points to it.
    search: what to look for.
    depth: how many pointers led here.
    """
    if isinstance(target, Retriever):
        return list(scored_nodes_of((yield from target.look(search, depth)), pointer.score))
    if isinstance(target, Node | ScoredNode):
        return list(scored_nodes_of(target, pointer.score))
    if not callable(target):
        raise ConfigError(
            f"a pointer cannot point to a {type(target).__name__}",
            hint="point to a Retriever, a function of the query, a Node, or a name in targets=",
        )
    search.visit(target)
    found = list(scored_nodes_of((yield _call_target(target, search.text)), pointer.score))
    return [ScoredNode(_with_source(scored.node, pointer.node), scored.score) for scored in found]


def check_limits(top_k: int, min_score: float | None) -> None:
    """Raise ConfigError for limits that no search can have."""
    if type(top_k) is not int or top_k < 1:
        raise ConfigError(f"top_k must be an integer of 1 or more, not {top_k!r}")
    if min_score is not None and (not isinstance(min_score, int | float) or min_score != min_score):
        raise ConfigError(f"min_score must be a number, not {min_score!r}")


def check_retriever(retriever: object) -> None:
    """Raise ConfigError for what is not a Retriever."""
    if not isinstance(retriever, Retriever):
        hint = "make a VectorRetriever, or subclass Retriever and write find()"
        raise ConfigError(f"a {type(retriever).__name__} is not a Retriever", hint=hint)


def _call_target(fn: Callable[[str], object], query: str) -> Run:
    def refuse() -> object:
        raise NotSupported("a pointer leads to a coroutine function, which can only be awaited", hint="use aretrieve()")

    async def await_result() -> object:
        result = fn(query)
        return await result if isawaitable(result) else result

    if iscoroutinefunction(fn):
        return Run(refuse, await_result, recorded=False)
    return in_thread(lambda: read_whole(fn(query)), recorded=False)


def _with_source(node: Node, pointer: Node) -> Node:
    """Return the node, with the pointer's source and metadata if it has no source of its own."""
    if node.source or node.target is not None:
        return node
    return Node(node.text, pointer.source, {**pointer.metadata, **node.metadata})


def best(nodes: Iterable[ScoredNode], search: Search) -> list[ScoredNode]:
    """Return the nodes that pass the search, each once with its best score; best first, without a score last."""
    by_identity: dict[tuple[str, str], ScoredNode] = {}
    for scored in nodes:
        if search.min_score is not None and scored.score is not None and scored.score < search.min_score:
            continue
        if not matches(search.where, scored.node.metadata, scored.node.source):
            continue
        known = by_identity.get(scored.node.identity)
        if known is None or _rank(scored) < _rank(known):
            by_identity[scored.node.identity] = scored
    return sorted(by_identity.values(), key=_rank)[: search.top_k]


def _rank(node: ScoredNode) -> tuple[bool, float]:
    return node.score is None, -(node.score or 0.0)
