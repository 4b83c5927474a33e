"""Retrievers over models, functions and other retrievers; a model and a parser of one's own."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, assert_type

from stepwell import models, user
from stepwell.embeddings import Embedder
from stepwell.errors import ObjectInvalid
from stepwell.llm import LLM, CustomLLM
from stepwell.parsers import OutputParser
from stepwell.retrieval import Document, FusedRetriever, Node, RerankedRetriever, Retriever, ScoredNode, VectorRetriever


def letters(texts: list[str]) -> list[list[float]]:
    return [[float(text.count("a"))] for text in texts]


async def letters_async(texts: list[str]) -> list[list[float]]:
    return letters(texts)


class Titles(Retriever):
    def find(self, search: Any) -> list[ScoredNode]:
        return [ScoredNode(Node("Ships"), 1.0)]


model = models.get("openai:text-embedding-3-small")
stores = [
    VectorRetriever(letters),
    VectorRetriever(letters_async),
    VectorRetriever(model),
    VectorRetriever(Embedder(letters)),
]
notes = VectorRetriever("local:smollm2", Path("notes.sqlite"), top_k=2)
notes.add("one")
notes.add([Node("two", metadata={"year": 2026}), Document("three", Path("three.md")), "four"])
both = FusedRetriever([*stores, notes, Titles()])
for ranked in (
    RerankedRetriever(both, "cohere:rerank-v3.5"),
    RerankedRetriever(both, models.get("cohere:rerank-v3.5")),
):
    for found in ranked.retrieve("one", where={"year": [2025, 2026]}):
        assert_type(found.text, str)
        print(found.score, found.source, found.metadata["year"])


class Percent(OutputParser[float]):
    @property
    def instructions(self) -> str:
        return "Answer with a percentage alone."

    def parse(self, text: str) -> float:
        if not text.endswith("%"):
            raise ObjectInvalid("the answer is no percentage", text=text)
        return float(text.removesuffix("%"))


class Ending(CustomLLM):
    def __init__(self, ending: str) -> None:
        self.ending = ending

    def complete(self, prompt: str) -> str:  # type: ignore[override]
        return prompt + self.ending


@dataclass
class Wrapping(CustomLLM):
    ending: str = "!"

    def complete(self, prompt: str) -> str:  # type: ignore[override]
        return prompt + self.ending


llm = LLM("openai:gpt-4o-mini", output_parser=Percent())
print(llm.complete(prompt="one").text, llm.chat(messages=[user("one")]).text, llm.predict("{a}", a=1))
print(Ending("!").predict("one"), Wrapping("?").chat("one").text)
