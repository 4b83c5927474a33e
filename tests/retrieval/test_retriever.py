"""The Retriever interface: sync and async, pointers, cycles, de-duplication, scores."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

import stepwell
from stepwell.events import Event
from stepwell.retrieval import (
    FusedRetriever,
    Node,
    RerankedRetriever,
    Retriever,
    ScoredNode,
    VectorRetriever,
    retrieve_context,
)
from stepwell.schemas import errors

Retrieve = Callable[..., list[ScoredNode]]


class Fixed(Retriever):
    """A retriever that finds the same for every query, and counts its calls."""

    def __init__(self, *found: Any, targets: Any = None, name: str = "") -> None:
        self.found, self.asked, self.targets, self.name = found, 0, targets or {}, name

    def find(self, search: Any) -> Any:
        self.asked += 1
        return self.found


class Waiting(Retriever):
    async def afind(self, search: Any) -> Any:
        await asyncio.sleep(0)
        return [f"awaited: {search.text}"]


def in_sync(retriever: Retriever, query: str = "q", **how: Any) -> list[ScoredNode]:
    return retriever.retrieve(query, **how)


def in_async(retriever: Retriever, query: str = "q", **how: Any) -> list[ScoredNode]:
    return asyncio.run(retriever.aretrieve(query, **how))


both_drivers = pytest.mark.parametrize("retrieve", [in_sync, in_async])


def reported(found: list[ScoredNode]) -> list[tuple[str, float | None]]:
    return [(each.text, each.score) for each in found]


@both_drivers
def test_the_best_come_first_and_a_score_of_zero_is_a_score(retrieve: Retrieve) -> None:
    retriever = Fixed(
        ScoredNode(Node("zero"), 0.0), ScoredNode(Node("good"), 0.9), "no score", ScoredNode(Node("bad"), -1.0)
    )
    assert reported(retrieve(retriever)) == [("good", 0.9), ("zero", 0.0), ("bad", -1.0), ("no score", None)]
    assert reported(retrieve(retriever, top_k=1)) == [("good", 0.9)]
    assert reported(retrieve(retriever, min_score=0.0)) == [("good", 0.9), ("zero", 0.0), ("no score", None)]


@both_drivers
def test_the_same_text_of_the_same_source_is_found_once_with_its_best_score(retrieve: Retrieve) -> None:
    retriever = Fixed(
        ScoredNode(Node("a", "s"), 0.1),
        ScoredNode(Node("a", "t"), 0.2),
        ScoredNode(Node("a", "s", id="other"), 0.3),
        Node("a", "s"),
    )
    assert [(each.source, each.score) for each in retrieve(retriever)] == [("s", 0.3), ("t", 0.2)]


@both_drivers
def test_filters_hold_for_any_retriever(retrieve: Retrieve) -> None:
    retriever = Fixed(Node("a", "s", {"lang": "en"}), Node("b", "s", {"lang": "de"}), Node("c"))
    assert [each.text for each in retrieve(retriever, where={"lang": "de"})] == ["b"]
    with pytest.raises(errors.ConfigError, match="a filter cannot be"):
        retrieve(retriever, where=3)


@both_drivers
def test_pointers_are_replaced_by_the_results_of_their_targets(retrieve: Retrieve) -> None:
    archive = Fixed(ScoredNode(Node("from the archive"), 0.7), "without a score")
    top = Fixed(
        ScoredNode(Node("see the archive", target="archive"), 0.5),
        ScoredNode(Node("ask a function", "faq.md", {"lang": "en"}, target=lambda query: f"answer to {query}"), 0.6),
        ScoredNode(Node("a summary", target=Node("the whole")), 0.4),
        targets={"archive": archive},
    )
    found = retrieve(top, "q", top_k=9)
    assert reported(found) == [
        ("from the archive", 0.7),
        ("answer to q", 0.6),
        ("without a score", 0.5),
        ("the whole", 0.4),
    ]
    assert (found[1].source, found[1].node.metadata) == ("faq.md", {"lang": "en"}), "an answer comes from its pointer"


@both_drivers
def test_cycles_of_pointers_end_and_each_retriever_is_called_once(retrieve: Retrieve) -> None:
    one, two = Fixed(), Fixed()
    one.found = (Node("to two", target=two), Node("to itself", target=one), ScoredNode(Node("one"), 1.0))
    two.found = (Node("to one", target=one), ScoredNode(Node("two"), 2.0), Node("to two again", target=two))
    assert reported(retrieve(one)) == [("two", 2.0), ("one", 1.0)]
    assert (one.asked, two.asked) == (1, 1)
    one.found = (Node("left", target=two), Node("right", target=two))
    two.found = ("two",)
    assert reported(retrieve(one)) == [("two", None)] and two.asked == 2


@both_drivers
def test_a_function_whose_target_is_itself_ends_too(retrieve: Retrieve) -> None:
    def fn(query: str) -> Any:
        return [Node("again", target=fn), Node("more", target=lambda query: fn(query)), "an answer"]

    assert reported(retrieve(Fixed(Node("ask", target=fn)))) == [("an answer", None)]


@both_drivers
def test_pointers_to_temporary_targets_lose_nothing(retrieve: Retrieve) -> None:
    def leading_to(n: int) -> Any:
        return lambda query: [Node(f"in {n}", target=lambda query: f"leaf {n}")]

    class Made(Retriever):
        def find(self, search: Any) -> Any:
            return [Node(f"to {n}", target=leading_to(n)) for n in range(50)]

    assert len(retrieve(Made(), top_k=100)) == 50


@both_drivers
@pytest.mark.parametrize(
    ("target", "says"),
    [("archiv", "did you mean 'archive'"), (3, "cannot point to a int"), (lambda query: 3, "returned a int")],
)
def test_a_pointer_to_nowhere_is_reported(retrieve: Retrieve, target: Any, says: str) -> None:
    with pytest.raises(errors.ConfigError, match=says):
        retrieve(Fixed(Node("see there", target=target), targets={"archive": Fixed()}))


@both_drivers
@pytest.mark.parametrize(
    "how",
    [{"query": " "}, {"query": None}, {"top_k": 0}, {"top_k": True}, {"min_score": float("nan")}, {"min_score": "1"}],
)
def test_bad_input_is_reported(retrieve: Retrieve, how: Any) -> None:
    with pytest.raises(errors.ConfigError, match="query is empty|top_k must be|min_score must be"):
        retrieve(Fixed(), **{"query": "q", **how})


@pytest.mark.parametrize(
    "how", [{"top_k": 0}, {"top_k": "4"}, {"min_score": float("nan")}, {"min_score": "1"}, {"where": 5}]
)
def test_a_limit_that_no_search_can_have_is_refused_where_it_is_given(how: Any) -> None:
    made: dict[Any, set[str]] = {
        lambda: retrieve_context(Fixed(), **how): {"top_k", "min_score", "where"},
        lambda: VectorRetriever(lambda texts: [[1.0]] * len(texts), **how): {"top_k", "min_score"},
        lambda: RerankedRetriever(Fixed(), "cohere:rerank-v3.5", **how): {"top_k", "min_score"},
        lambda: FusedRetriever([Fixed()], **how): {"top_k"},
    }
    for make, takes in made.items():
        if how.keys() <= takes:
            with pytest.raises(errors.ConfigError, match="top_k must be|min_score must be|a filter cannot be"):
                make()


def test_an_async_only_retriever_refuses_sync_calls() -> None:
    assert reported(in_async(Waiting(), "hi")) == [("awaited: hi", None)]
    with pytest.raises(errors.NotSupported, match="use aretrieve"):
        Waiting().retrieve("hi")

    async def fn(query: str) -> str:
        return "answered"

    assert reported(in_async(Fixed(Node("ask", target=fn)))) == [("answered", None)]
    with pytest.raises(errors.NotSupported, match="use aretrieve"):
        Fixed(Node("ask", target=fn)).retrieve("hi")


def test_a_retriever_without_either_is_reported() -> None:
    class Empty(Retriever):
        pass

    with pytest.raises(errors.NotSupported, match=r"Empty has neither find\(\) nor afind\(\)"):
        Empty().retrieve("hi")


def test_a_retriever_may_yield_its_results() -> None:
    class Each(Retriever):
        def find(self, search: Any) -> Any:
            yield "a"
            yield "b"

        async def afind(self, search: Any) -> Any:
            yield "c"
            yield "d"

    assert [each.text for each in in_sync(Each())] == ["a", "b"]
    assert [each.text for each in in_async(Each())] == ["c", "d"]


async def test_a_find_that_waits_does_not_block_the_event_loop() -> None:
    ticked = threading.Event()

    class Slow(Retriever):
        def find(self, search: Any) -> Any:
            return ["in time"] if ticked.wait(10) else ["the loop stood still"]

    async def tick() -> None:
        await asyncio.sleep(0)
        ticked.set()

    found, _ = await asyncio.gather(Slow().aretrieve("q"), tick())
    assert reported(found) == [("in time", None)]


@both_drivers
def test_searches_are_reported_the_inner_as_part_of_the_outer(retrieve: Retrieve) -> None:
    events: list[Event] = []
    unsubscribe = stepwell.events.subscribe(events.append)
    try:
        retrieve(Fixed(Node("see", target=Fixed("a", name="inner")), name="outer"))
        with pytest.raises(errors.ConfigError):
            retrieve(Fixed(3))
    finally:
        unsubscribe()
    reported = [(event.data["retriever"], event.phase) for event in events]
    assert reported[:4] == [("outer", "start"), ("inner", "start"), ("inner", "end"), ("outer", "end")]
    assert reported[4:] == [("Fixed", "start"), ("Fixed", "error")]
    assert events[1].parent == events[0].span and events[3].data["found"] == 1


@both_drivers
def test_rankings_are_fused_by_rank_and_not_by_score(retrieve: Retrieve) -> None:
    words = Fixed(ScoredNode(Node("a"), 100.0), ScoredNode(Node("b"), 90.0), ScoredNode(Node("c"), 80.0))
    vectors = Fixed(ScoredNode(Node("b"), 0.9), ScoredNode(Node("d"), 0.8))
    found = retrieve(FusedRetriever([words, vectors]))
    assert [each.text for each in found] == ["b", "a", "d", "c"]
    assert found[0].score == pytest.approx(1 / 62 + 1 / 61)
    heavy = retrieve(FusedRetriever([words, vectors], weights=[1, 0.1]))
    assert [each.text for each in heavy] == ["b", "a", "c", "d"]
    given_once = FusedRetriever((each for each in (words, vectors)), weights=iter([1, 0.1]))  # type: ignore[arg-type]
    assert reported(retrieve(given_once)) == reported(heavy)
    assert reported(retrieve(FusedRetriever(words, top_k=1))) == [("a", 1 / 61)], "one is as good as a list of one"
    with pytest.raises(errors.ConfigError, match="a str is not a Retriever"):
        FusedRetriever([words, "words"])
    for wrong in ([], None):
        with pytest.raises(errors.ConfigError, match="at least one retriever|weights were given"):
            FusedRetriever([words] if wrong is None else [], weights=[1, 2])


@both_drivers
def test_a_shared_target_of_two_retrievers_is_in_both_rankings(retrieve: Retrieve) -> None:
    archive = Fixed(ScoredNode(Node("archived"), 1.0))
    left, right = (Fixed(Node(f"see {n}", target=archive)) for n in range(2))
    assert reported(retrieve(FusedRetriever([left, right]))) == [("archived", pytest.approx(2 / 61))]


@both_drivers
def test_a_minimum_score_of_a_retriever_applies_inside_others(retrieve: Retrieve) -> None:
    words = Fixed(ScoredNode(Node("good"), 0.9), ScoredNode(Node("bad"), 0.1))
    words.min_score = 0.5
    assert [each.text for each in retrieve(FusedRetriever([words, Fixed("other")]))] == ["good", "other"]


@both_drivers
def test_a_cycle_through_a_fused_retriever_ends_and_errors_are_raised(retrieve: Retrieve) -> None:
    one = Fixed(ScoredNode(Node("one"), 1.0))
    both = FusedRetriever([one, Fixed("two")])
    one.found = (*one.found, Node("to both", target=both))
    assert [each.text for each in retrieve(both)] == ["one", "two"]
    with pytest.raises(errors.NotSupported, match="neither"):
        retrieve(FusedRetriever([one, Retriever()]))


@both_drivers
def test_a_model_ranks_the_results_of_another_retriever(retrieve: Retrieve) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        ranks = [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.2}]
        return httpx.Response(200, json={"results": ranks})

    given: Any = {"transport": httpx.MockTransport(answer), "api_keys": {"cohere": "k"}}
    found = Fixed(ScoredNode(Node("a", "s"), 5.0), ScoredNode(Node("b", "s"), 4.0))
    ranked = RerankedRetriever(found, "cohere:rerank-v3.5", client=stepwell.Client(**given))
    assert reported(retrieve(ranked)) == [("b", 0.9), ("a", 0.2)]
    assert reported(retrieve(ranked, min_score=0.5)) == [("b", 0.9)]
    assert retrieve(RerankedRetriever(Fixed(), "cohere:rerank-v3.5")) == [], "nothing is sent for nothing"
    with pytest.raises(errors.ConfigError, match="a str is not a Retriever"):
        RerankedRetriever("notes", "cohere:rerank-v3.5")


@both_drivers
@pytest.mark.parametrize("index", [2, -1])
def test_a_rank_for_a_text_that_was_not_sent_is_an_error(retrieve: Retrieve, index: int) -> None:
    answer = httpx.Response(200, json={"results": [{"index": index, "relevance_score": 0.9}]})
    given: Any = {"transport": httpx.MockTransport(lambda _: answer), "api_keys": {"cohere": "k"}}
    ranked = RerankedRetriever(Fixed("a", "b"), "cohere:rerank-v3.5", client=stepwell.Client(**given))
    with pytest.raises(errors.DecodeError, match="has the index"):
        retrieve(ranked)
