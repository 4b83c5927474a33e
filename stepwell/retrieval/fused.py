"""Retrievers made of others: several asked at once and their ranks fused, or one whose findings a model ranks anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..client import BaseAsyncClient, BaseClient
from ..client_pair import ClientPair
from ..pipeline.effects import Run
from ..recipe import Gather, Recipe, acarry_out, carry_out
from ..schemas.errors import ConfigError, DecodeError
from ..schemas.reply import Reply
from .node import ScoredNode
from .retriever import Retriever, Search

SMOOTHING = 60
"""The constant of reciprocal rank fusion, from Cormack, Clarke and Büttcher (SIGIR 2009)."""


class FusedRetriever(Retriever):
    """Asks several retrievers at once and fuses their rankings: a node's score is the sum of weight / (60 + rank) over
    the rankings it is in, so that scores of different kinds need not be comparable.

    `weights` is one number for each retriever (None: all 1). A retriever's own `min_score` holds for what it finds; the
    one asked for holds for the fused scores. Raises what any of them raises.
    """

    def __init__(
        self,
        retrievers: Sequence[Retriever],
        *,
        weights: Sequence[float] | None = None,
        top_k: int = 4,
        name: str = "",
    ) -> None:
        if not isinstance(retrievers, Iterable):
            retrievers = (retrievers,)
        for retriever in retrievers:
            _check(retriever)
        if not retrievers or (weights is not None and len(weights) != len(retrievers)):
            raise ConfigError(
                "a FusedRetriever needs retrievers, and as many weights", hint="weights=None weighs all alike"
            )
        self.retrievers = tuple(retrievers)
        self.weights = tuple(weights or [1.0] * len(retrievers))
        self.top_k = top_k
        self.name = name

    def seek(self, search: Search) -> Recipe:
        # A least score is meant for the fused ones: what a retriever's own scores mean, only it knows.
        asked = [pair for pair in zip(self.retrievers, self.weights, strict=True) if not search.has_visited(pair[0])]
        rankings: list[Any] = yield Gather(
            [_looking(retriever, search.branch(min_score=retriever.min_score)) for retriever, _ in asked]
        )
        scores: dict[tuple[str, str], float] = {}
        nodes: dict[tuple[str, str], ScoredNode] = {}
        for ranking, (_, weight) in zip(rankings, asked, strict=True):
            if isinstance(ranking, Exception):
                raise ranking
            for rank, found in enumerate(ranking, start=1):
                key = found.node.identity
                nodes.setdefault(key, found)
                scores[key] = scores.get(key, 0.0) + weight / (SMOOTHING + rank)
        return [ScoredNode(nodes[key].node, score) for key, score in scores.items()]


class RerankedRetriever(Retriever):
    """Takes what another retriever finds, `fetch` nodes of it, and lets a model that ranks score each against the
    query: `RerankedRetriever(notes, "cohere:rerank-v3.5")`. The scores, and so `min_score`, are the model's; that of
    `retriever` holds for what it fetches."""

    def __init__(
        self,
        retriever: Retriever,
        model: str,
        *,
        fetch: int = 20,
        top_k: int = 4,
        min_score: float | None = None,
        client: BaseClient | None = None,
        async_client: BaseAsyncClient | None = None,
        name: str = "",
    ) -> None:
        _check(retriever)
        self.retriever = retriever
        self.model = model
        self.fetch = fetch
        self.top_k = top_k
        self.min_score = min_score
        self.name = name
        self._clients = ClientPair(client, async_client)

    def seek(self, search: Search) -> Recipe:
        wider = search.branch(top_k=max(self.fetch, search.top_k), min_score=self.retriever.min_score)
        found: list[ScoredNode] = yield from self.retriever.look(wider)
        if not found:
            return []
        input = {"query": search.text, "documents": [each.text for each in found]}
        most = min(search.top_k, len(found))
        reply: Reply = yield Run(
            lambda: self._clients.sync.make_call("rerank", self.model, input, {"top_n": most}),
            lambda: self._clients.asynchronous.make_call("rerank", self.model, input, {"top_n": most}),
        )
        if any(not 0 <= ranked.index < len(found) for ranked in reply.ranking):
            raise DecodeError(
                f"{self.model} ranked a text that it was not given", hint="see .payload", payload=reply.raw
            )
        return [ScoredNode(found[ranked.index].node, ranked.score) for ranked in reply.ranking]


def _check(retriever: Any) -> None:
    if not isinstance(retriever, Retriever):
        raise ConfigError(f"a {type(retriever).__name__} is no Retriever", hint="subclass it and write find()")


def _looking(retriever: Retriever, search: Search) -> Run:
    """Another retriever's search as an effect of its own, so that several can be under way at once."""
    return Run(lambda: carry_out(None, retriever.look(search)), lambda: acarry_out(None, retriever.look(search)))
