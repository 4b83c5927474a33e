"""The Retriever: write how it finds, get looking further, de-duplication, filters, events, and both colours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from inspect import isasyncgen, isawaitable, iscoroutinefunction
from typing import Any

from attrs import field, frozen

from ..events import span
from ..pipeline.effects import Run, in_thread
from ..recipe import Recipe, acarry_out, carry_out
from ..schemas.errors import ConfigError, NotSupported
from ..schemas.nearest import nearest
from .filters import Where, check_where, matches
from .node import Node, ScoredNode, findings_of

MAX_DEPTH = 8
"""How far pointers are followed from one to the next."""


@frozen
class Search:
    """What is looked for: `text`, at most `top_k` nodes, that pass `where` and have a score of `min_score` or more."""

    text: str
    top_k: int
    where: Where = None
    min_score: float | None = None
    _visited: dict[int, Any] = field(factory=dict, repr=False, eq=False)
    """The retrievers and functions that this search has come by already: each is asked once, so that no circle of
    pointers is run through for ever. By id, and kept alive, for an id is given again once its object is gone."""

    def visit(self, target: Any) -> None:
        self._visited[id(target)] = target

    def has_visited(self, target: Any) -> bool:
        return id(target) in self._visited

    def branch(self, *, top_k: int | None = None, min_score: float | None = None) -> Search:
        """A search of the same by another retriever, which comes by what it comes by itself and not by what others do
        at the same time: what is found must not hang on who was quicker."""
        return Search(self.text, self.top_k if top_k is None else top_k, self.where, min_score, dict(self._visited))


class Retriever:
    """Finds nodes. Subclass it and write `find`, or `afind` if it waits for the network, or both:

        class Titles(Retriever):
            def find(self, search):
                return [Found(node, 1.0) for node in my_nodes if search.text in node.text]

    Called asynchronously, a `find` without an `afind` runs in a thread. What it gives may be texts, nodes or findings,
    more or fewer than asked for; `where`, `min_score` and `top_k` are applied to it here. `targets` names what pointers
    point to. Attributes `top_k` and `min_score` are the defaults of each search.
    """

    name: str = ""
    top_k: int = 4
    min_score: float | None = None
    targets: Mapping[str, Any] = {}

    def find(self, search: Search) -> Iterable[Any]:
        raise NotSupported(f"{self._label} can only be awaited", hint="use aretrieve, or write find()")

    async def afind(self, search: Search) -> Iterable[Any]:
        raise NotImplementedError

    def retrieve(
        self, query: str, *, top_k: int | None = None, where: Where = None, min_score: float | None = None
    ) -> list[ScoredNode]:
        """The nodes that fit the query, best first.

        Pointers among them are followed and replaced by what is found there. Of nodes with the same text and source the
        one with the best score stays. Raises ConfigError for an empty query or a pointer to nowhere, and whatever a
        retriever on the way raises.
        """
        found: list[ScoredNode] = carry_out(None, self.look(self._search(query, top_k, where, min_score)))
        return found

    async def aretrieve(
        self, query: str, *, top_k: int | None = None, where: Where = None, min_score: float | None = None
    ) -> list[ScoredNode]:
        """Retriever.retrieve, awaited."""
        found: list[ScoredNode] = await acarry_out(None, self.look(self._search(query, top_k, where, min_score)))
        return found

    def look(self, search: Search, depth: int = 0) -> Recipe:
        """The recipe of a search in this retriever, for recipes of others."""
        search.visit(self)
        with span("retrieve", retriever=self._label, top_k=search.top_k) as report:
            found = list(findings_of((yield from self.seek(search))))
            found = yield from self._followed(found, search, depth)
            kept = best(found, search)
            report.note(found=len(kept))
            return kept

    def seek(self, search: Search) -> Recipe:
        """What this retriever itself has for the search; `find` and `afind` unless a subclass has a recipe."""
        finds, afinds = (getattr(type(self), name) is not getattr(Retriever, name) for name in ("find", "afind"))
        if afinds:
            return (yield Run(lambda: self.find(search), lambda: self._afound(search)))
        if finds:
            return (yield in_thread(lambda: self.find(search)))
        raise NotSupported(f"{self._label} has neither find() nor afind()", hint="write one of them")

    async def _afound(self, search: Search) -> Any:
        made: Any = self.afind(search)
        return [each async for each in made] if isasyncgen(made) else await made

    @property
    def _label(self) -> str:
        return self.name or type(self).__name__

    def _search(self, query: str, top_k: int | None, where: Where, min_score: float | None) -> Search:
        if not isinstance(query, str) or not query.strip():
            raise ConfigError("there is nothing to look for: the query is empty", hint="pass some text")
        top_k = self.top_k if top_k is None else top_k
        if type(top_k) is not int or top_k < 1:
            raise ConfigError(f"top_k must be an integer of 1 or more, not {top_k!r}")
        least = self.min_score if min_score is None else min_score
        if least is not None and (not isinstance(least, int | float) or least != least):
            raise ConfigError(f"min_score must be a number, not {least!r}")
        check_where(where)
        return Search(query, top_k, where, least)

    def _followed(self, found: list[ScoredNode], search: Search, depth: int) -> Recipe:
        """The findings with each pointer replaced by what is found where it points to."""
        kept: list[ScoredNode] = []
        for each in found:
            if each.node.target is None:
                kept.append(each)
            elif depth < MAX_DEPTH:
                target = self._target(each.node)
                if search.has_visited(target):
                    continue
                further = yield from _beyond(target, each, search, depth + 1)
                kept += yield from self._followed(further, search, depth + 1)
        return kept

    def _target(self, node: Node) -> Any:
        if not isinstance(node.target, str):
            return node.target
        if node.target not in self.targets:
            raise ConfigError(
                f"{self._label} knows no target {node.target!r}",
                hint=f"{nearest(node.target, self.targets)}; see targets=",
            )
        return self.targets[node.target]


def _beyond(target: Any, pointer: ScoredNode, search: Search, depth: int) -> Recipe:
    """What is found where a pointer points to. What brings no score has the pointer's."""
    if isinstance(target, Retriever):
        return list(findings_of((yield from target.look(search, depth)), pointer.score))
    if isinstance(target, Node | ScoredNode):
        return list(findings_of(target, pointer.score))
    if not callable(target):
        raise ConfigError(
            f"a pointer cannot point to a {type(target).__name__}",
            hint="point to a Retriever, a function of the query, a Node, or a name in targets=",
        )
    search.visit(target)
    given = list(findings_of((yield _asked(target, search.text)), pointer.score))
    # What a function says has no source of its own: it comes from where the pointer stood.
    return [ScoredNode(_sourced(each.node, pointer.node), each.score) for each in given]


def _asked(fn: Callable[[str], Any], query: str) -> Run:
    def refused() -> Any:
        raise NotSupported("a pointer leads to a coroutine function, which can only be awaited", hint="use aretrieve")

    async def awaited() -> Any:
        given = fn(query)
        return await given if isawaitable(given) else given

    return Run(refused, awaited) if iscoroutinefunction(fn) else in_thread(lambda: fn(query))


def _sourced(node: Node, pointer: Node) -> Node:
    if node.source or node.target is not None:
        return node
    return Node(node.text, pointer.source, {**pointer.metadata, **node.metadata})


def best(found: Iterable[ScoredNode], search: Search) -> list[ScoredNode]:
    """Those that pass, each once with its best score, the best first; what has no score stands last."""
    kept: dict[tuple[str, str], ScoredNode] = {}
    for each in found:
        if search.min_score is not None and each.score is not None and each.score < search.min_score:
            continue
        if not matches(search.where, each.node.metadata, each.node.source):
            continue
        known = kept.get(each.node.identity)
        if known is None or _rank(each) < _rank(known):
            kept[each.node.identity] = each
    return sorted(kept.values(), key=_rank)[: search.top_k]


def _rank(found: ScoredNode) -> tuple[bool, float]:
    return found.score is None, -(found.score or 0.0)
