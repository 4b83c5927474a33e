"""Habits from other libraries with tools, pipelines, models, vectors and nodes: the error says the right word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import stepwell
from stepwell import Client, Tool, assistant, fallback, models, on_request
from stepwell.declare import openai_responses
from stepwell.embeddings import Embedder
from stepwell.errors import ConfigError, StepwellError
from stepwell.llm import LLM
from stepwell.retrieval import Node, Retriever, ScoredNode, VectorRetriever
from stepwell.steps import CallModel, Pipeline, Sleep, cache, gather, round_robin
from stepwell.testing import FakeModel


@on_request
def same(request: Any) -> Any:
    return request


def vectors(texts: list[str]) -> list[list[float]]:
    return [[1.0] for _ in texts]


TOOL: Any = Tool("weather")
EMBEDDER: Any = Embedder(vectors)
NOTES: Any = VectorRetriever(vectors)
NODE: Any = ScoredNode(Node("a", metadata={"year": 2026}), 1.0)
MODELS: Any = models
PIPELINES = [Client().pipeline, Client().pipeline_for("openai:gpt-4o"), Pipeline()]


def asking() -> Any:
    return (yield CallModel("openai:gpt-4o", "hi"))


def cancel() -> Any:
    with Client(registry=FakeModel("hi").registry).stream_text("fake:any", "hi") as stream:
        return stream.cancel  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("look", "says"),
    [
        (lambda: TOOL.execute, r"call the tool itself with its arguments: tool\(...\)"),
        (lambda: TOOL.invoke, r"call the tool itself"),
        (lambda: TOOL.args_schema, "the JSON Schema is tool.parameters"),
        (lambda: MODELS.list, r"call models.find\(\)"),
        (lambda: MODELS.list_providers, r"call models.providers\(\)"),
        (lambda: MODELS.get_model_info, r"call models.get\("),
        (lambda: EMBEDDER.get_text_embedding_batch, r"call embedder.embed_documents\(texts\)"),
        (lambda: EMBEDDER.get_query_embedding, r"call embedder.embed_query\(text\)"),
        (lambda: NOTES.get_relevant_documents, r"call retriever.retrieve\(query\)"),
        (lambda: NODE.page_content, "it is node.text"),
        (lambda: stepwell.cosine_similarity, r"it is stepwell.embeddings.similarity\(a, b\)"),
        (lambda: stepwell.list_providers, r"stepwell.models.providers\(\) lists them"),
        (cancel, r"call stream.close\(\)"),
    ],
)
def test_names_of_others_say_the_name_here(look: Callable[[], Any], says: str) -> None:
    with pytest.raises(AttributeError, match=says):
        look()


@pytest.mark.parametrize("pipeline", PIPELINES, ids=["edits", "of a model", "empty"])
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("insert_before", r"pipeline.before\(name, step\)"),
        ("insert_after", r"pipeline.after\(name, step\)"),
        ("remove", r"pipeline.without\(name\)"),
        ("append_request_steps", r"pipeline.prepend\(on_request\(function\)\)"),
        ("add", "pipeline.prepend"),
    ],
)
def test_edits_of_a_pipeline_have_other_names(pipeline: Any, name: str, says: str) -> None:
    with pytest.raises(AttributeError, match=says):
        getattr(pipeline, name)


@pytest.mark.parametrize("pipeline", PIPELINES[:2], ids=["edits", "of a model"])
@pytest.mark.parametrize(
    "edit",
    [
        lambda pipeline, wrong: pipeline.append(wrong),
        lambda pipeline, wrong: pipeline.prepend(wrong),
        lambda pipeline, wrong: pipeline.before("retry", wrong),
        lambda pipeline, wrong: pipeline.after("retry", wrong),
        lambda pipeline, wrong: pipeline.replace("retry", wrong),
    ],
    ids=["append", "prepend", "before", "after", "replace"],
)
@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ([same], r"a list is no step; .*append\(\*steps\)"),
        ("same", "a str is no step; make one of a function"),
        (vectors, r"a function is no step; .*around\(function\)"),
        (cache(), "a Cache is no step; it finds its own place"),
        (None, "a NoneType is no step"),
    ],
    ids=["list", "name", "function", "cache", "none"],
)
def test_what_is_no_step_is_refused_when_it_is_put_into_a_pipeline(
    pipeline: Any, edit: Callable[[Any, Any], Any], wrong: Any, says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        edit(pipeline, wrong)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Client(pipeline=[("same", vectors)]), "a pair of the name 'same' and a function is no step"),
        (lambda: Client(pipeline="retry"), r"usual.without\('retry'\)"),
        (lambda: Sleep("1"), "Sleep cannot take a str"),  # type: ignore[arg-type]
        (lambda: fallback(["openai:gpt-4o"]), r"fallback\(\) takes each model as an argument of its own"),  # type: ignore[arg-type]
        (lambda: round_robin(["openai:a", "openai:b"]), r"round_robin\(\*models\)"),  # type: ignore[arg-type]
        (lambda: Client().generate_text("openai:a,openai:b", "hi"), "names several models"),
        (lambda: Client().generate_text("openai:a, openai:b", "hi"), "names several models"),
        (lambda: NOTES.add([{"text": "a"}]), "a dict cannot be searched"),
        (lambda: Client().preview("openai:a", "hi", wire=openai_responses), "write its name: wire='openai_responses'"),  # type: ignore[arg-type]
        (lambda: LLM("openai:a", wire=openai_responses).metadata, "write its name: wire='openai_responses'"),  # type: ignore[arg-type]
        (lambda: Client().pipeline_for("openai:a", wire=5), "wire cannot be a int"),  # type: ignore[arg-type]
        (lambda: Client().run_workflow(gather(asking(), asking())), r"the flows are one list: gather\(\["),  # type: ignore[arg-type]
    ],
)
def test_a_form_of_others_says_the_form_here(make: Callable[[], Any], says: str) -> None:
    with pytest.raises(StepwellError, match=says):
        make()


def test_a_path_may_have_commas_and_colons() -> None:
    for name in ("local:/models/a,b:/c.gguf", "acme:a,b", "openrouter:x/y:free"):
        assert str(stepwell.models.get(name)) == name


def test_a_message_is_no_turn() -> None:
    client = Client(registry=FakeModel(assistant("hi")).registry)
    with pytest.raises(ConfigError, match=r"cannot be or hold a Message; pass Reply\(message\)"):
        client.generate_text("fake:any", "hi")


def test_functions_of_an_embedder_of_llama_index_are_not_passed_over() -> None:
    with pytest.raises(ConfigError, match=r"does not call _get_text_embedding; .*Embedder\(function\)"):

        class Mine(Embedder):
            def _get_text_embedding(self, text: str) -> list[float]:
                return [1.0]


def test_an_asynchronous_find_says_its_name() -> None:
    class Titles(Retriever):
        async def find(self, search: Any) -> list[str]:  # type: ignore[override]
            return ["a"]

    with pytest.raises(ConfigError, match="name it afind"):
        Titles().retrieve("a")


def test_a_scored_node_has_the_facts_of_its_node() -> None:
    assert NODE.metadata == {"year": 2026}


def test_a_subclass_may_use_the_names_of_others() -> None:
    class Titles(Retriever):
        def __init__(self) -> None:
            self.query = "a"

        def find(self, search: Any) -> list[str]:
            return [self.query]

    assert Titles().retrieve("b")[0].text == "a"
