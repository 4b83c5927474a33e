"""Retrievers built from others: several searched at once with their ranks fused, or one reranked by a model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..client import BaseAsyncClient, BaseClient
from ..client_pair import ClientPair
from ..options import ModelLike
from ..pipeline.effects import Flow, Run
from ..pipeline.tasks import gather
from ..schemas.errors import ConfigError
from ..schemas.reply import Reply
from .node import ScoredNode
from .retriever import Retriever, Search, check_limits, check_retriever

SMOOTHING = 60
"""The constant of reciprocal rank fusion, from Cormack, Clarke and Büttcher (SIGIR 2009)."""


class FusedRetriever(Retriever):
    """Several retrievers, searched at once, whose rankings are fused.

    A node's score is the sum of weight / (60 + rank) over the rankings it is in, so that scores of different kinds
    need not be comparable. Raises what any of the retrievers raises.

    retrievers: each applies its own `min_score` to what it finds; that of the search applies to the fused scores.
    weights: one number for each retriever; None: all 1.
    top_k: most nodes of a search that names no other number.
    name: how events and errors call it.
    """

    def __init__(
        self,
        retrievers: Sequence[Retriever],
        *,
        weights: Sequence[float] | None = None,
        top_k: int = 4,
        name: str = "",
    ) -> None:
        check_limits(top_k, None)
        self.retrievers = tuple(retrievers) if isinstance(retrievers, Iterable) else (retrievers,)
        for retriever in self.retrievers:
            check_retriever(retriever)
        if not self.retrievers:
            raise ConfigError("a FusedRetriever needs at least one retriever", hint="FusedRetriever([words, vectors])")
        self.weights = (1.0,) * len(self.retrievers) if weights is None else tuple(weights)
        if len(self.weights) != len(self.retrievers):
            raise ConfigError(
                f"{len(self.weights)} weights were given for {len(self.retrievers)} retrievers",
                hint="pass one weight for each, or weights=None to weigh all alike",
            )
        self.top_k = top_k
        self.name = name

    def seek(self, search: Search) -> Flow:
        """Search all retrievers at once and fuse their rankings, as a workflow."""
        # The search's min_score is for fused scores; only a retriever itself knows the scale of its own.
        pending = [pair for pair in zip(self.retrievers, self.weights, strict=True) if not search.has_visited(pair[0])]
        rankings: list[Any] = yield from gather(
            [retriever.look(search.branch(min_score=retriever.min_score)) for retriever, _ in pending]
        )
        scores: dict[tuple[str, str], float] = {}
        nodes: dict[tuple[str, str], ScoredNode] = {}
        for ranking, (_, weight) in zip(rankings, pending, strict=True):
            if isinstance(ranking, Exception):
                raise ranking
            for rank, found in enumerate(ranking, start=1):
                key = found.node.identity
                nodes.setdefault(key, found)
                scores[key] = scores.get(key, 0.0) + weight / (SMOOTHING + rank)
        return [ScoredNode(nodes[key].node, score) for key, score in scores.items()]


class RerankedRetriever(Retriever):
    """Another retriever, whose nodes a reranking model scores against the query.

        RerankedRetriever(notes, "cohere:rerank-v3.5")

    retriever: searched first; its own `min_score` applies to what it finds.
    model: the reranking model, whose scores the result has.
    fetch: how many nodes of `retriever` the model scores.
    top_k, min_score: defaults of each search; min_score is in the model's scores.
    client, async_client: the clients to call with; one is derived from the other, none means the shared ones.
    name: how events and errors call it.
    """

    def __init__(
        self,
        retriever: Retriever,
        model: ModelLike,
        *,
        fetch: int = 20,
        top_k: int = 4,
        min_score: float | None = None,
        client: BaseClient | None = None,
        async_client: BaseAsyncClient | None = None,
        name: str = "",
    ) -> None:
        check_retriever(retriever)
        check_limits(top_k, min_score)
        self.retriever = retriever
        self.model = model
        self.fetch = fetch
        self.top_k = top_k
        self.min_score = min_score
        self.name = name
        self._clients = ClientPair(client, async_client)

    def seek(self, search: Search) -> Flow:
        """Search the other retriever and rerank what it finds, as a workflow."""
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
        return [ScoredNode(found[ranked.index].node, ranked.score) for ranked in reply.ranking]
