"""VectorRetriever finds what was added, in memory and in a file, with numpy and without."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stepwell.embeddings import Embedder
from stepwell.retrieval import Document, Node, VectorRetriever, index
from stepwell.schemas import errors

from vectors import Vectors, refusal


@pytest.fixture(params=["memory", "file"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    return None if request.param == "memory" else str(tmp_path / "notes.sqlite")


@pytest.fixture
def server() -> Vectors:
    return Vectors()


@pytest.fixture(params=["numpy", "ours"])
def notes(
    request: pytest.FixtureRequest, path: str | None, server: Vectors, monkeypatch: pytest.MonkeyPatch
) -> Iterator[VectorRetriever]:
    if request.param == "ours":
        monkeypatch.setattr(index, "_numpy", lambda: None)
    with VectorRetriever(server.embedder(), path, similarity="euclidean") as made:
        yield made


def texts(found: Any) -> list[str]:
    return [each.text for each in found]


def test_the_nearest_node_is_found_first_with_its_score(notes: VectorRetriever) -> None:
    notes.add(["aaa", "aab", "zzz", "aaa aaa aaa"])
    found = notes.retrieve("aaa", top_k=3)
    assert texts(found) == ["aaa", "aab", "aaa aaa aaa"]
    assert [each.score for each in found] == pytest.approx([0.0, -1.0, -8.0])
    assert texts(notes.retrieve("aaa", min_score=-1.0)) == ["aaa", "aab"]
    assert texts(asyncio.run(notes.aretrieve("zzz", top_k=1))) == ["zzz"]


@pytest.mark.parametrize(("mode", "score"), [("cosine", 1.0), ("dot", 9.0 + 3 * 97.0**2), ("euclidean", 0.0)])
@pytest.mark.parametrize("with_numpy", [True, False])
def test_each_similarity_mode_has_its_score(
    mode: Any, score: float, with_numpy: bool, server: Vectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not with_numpy:
        monkeypatch.setattr(index, "_numpy", lambda: None)
    notes = VectorRetriever(server.embedder(), similarity=mode)
    notes.add("aaa")
    assert notes.retrieve("aaa")[0].score == pytest.approx(score, abs=1e-5)


def test_an_empty_retriever_finds_nothing(notes: VectorRetriever) -> None:
    assert (notes.retrieve("a"), len(notes), bool(notes)) == ([], 0, True)


def test_a_text_is_embedded_once_if_it_is_added_several_times(notes: VectorRetriever, server: Vectors) -> None:
    first = notes.add(["a", Node("b", "s"), "a"])
    server.asked.clear()
    again = asyncio.run(notes.aadd([Node("b", "s", {"seen": 2}), "a", "c"]))
    assert server.asked == [["c"]] and len(notes) == 3 and set(again) > set(first)
    assert notes.get(again[0]) == notes.get([again[0]])
    assert notes.get([again[0]])[again[0]].metadata == {"seen": 2}, "what goes with a node is the newest"


def test_a_node_with_a_known_id_is_replaced(notes: VectorRetriever) -> None:
    notes.add([Node("old text", id="1"), Node("other", id="2")])
    notes.retrieve("anything")
    notes.add([Node("new", "s", id="1"), Node("newest", id="1")])
    assert texts(notes.retrieve("new", top_k=9)) == ["newest", "other"] and len(notes) == 2


def test_nodes_can_be_deleted(notes: VectorRetriever) -> None:
    notes.add([Node("a", "x"), Node("b", "x", {"old": True}), Node("c", "y", {"old": True}), Node("d", id="1")])
    assert notes.delete(source="x", where={"old": True}) == 1
    assert notes.delete(["1", "no such id"]) == 1
    assert asyncio.run(notes.adelete(where=lambda metadata: "old" in metadata)) == 1
    assert texts(notes.retrieve("a", top_k=9)) == ["a"]
    with pytest.raises(errors.ConfigError, match="no selection of nodes"):
        notes.delete()


def test_filters_apply_before_the_best_are_counted(notes: VectorRetriever) -> None:
    notes.add([Node("aaa", metadata={"lang": "en"}), Node("aab"), Node("zzz", "s", {"lang": "de"})])
    assert texts(notes.retrieve("aaa", top_k=1, where={"lang": "de"})) == ["zzz"]
    assert texts(notes.retrieve("aaa", where={"source": "s"})) == ["zzz"]


@pytest.mark.parametrize("copies", [4, 700])
def test_duplicates_are_removed_before_top_k_is_counted(notes: VectorRetriever, copies: int) -> None:
    notes.add([*(Node("aaa", "s", id=str(n)) for n in range(copies)), Node("aaa", "t"), "aab", "zzz"])
    found = notes.retrieve("aaa", top_k=3)
    assert sorted((each.text, each.source) for each in found) == [("aaa", "s"), ("aaa", "t"), ("aab", "")]


def test_pointers_without_results_do_not_count(server: Vectors) -> None:
    notes = VectorRetriever(server.embedder(), similarity="euclidean", targets={"nothing": lambda query: None})
    notes.add([*(Node("aaa", id=str(n), target="nothing") for n in range(5)), "aab", "zzz"])
    assert texts(notes.retrieve("aaa", top_k=2)) == ["aab", "zzz"]


@pytest.mark.parametrize(
    ("node", "says"),
    [
        (Node("a", metadata={"a": {1, 2}}), "metadata of a node cannot be stored"),
    ],
)
def test_a_node_that_cannot_be_stored_is_refused_before_it_is_embedded(
    notes: VectorRetriever, server: Vectors, node: Node, says: str
) -> None:
    with pytest.raises(errors.ConfigError, match=says):
        notes.add(["b", node])
    assert server.asked == [] and len(notes) == 0


def test_half_a_character_is_repaired_with_one_warning(notes: VectorRetriever) -> None:
    with pytest.warns(UserWarning, match="half of a surrogate pair") as caught:
        notes.add([Node("a\ud83d", "s\ud83d", {"k\ud83d": "v\ud83d"}), "b\udc00"])
    assert len(caught) == 1
    (found,) = notes.retrieve("a\ud83d", top_k=1)
    assert (found.text, found.source, found.node.metadata) == ("a\ufffd", "s\ufffd", {"k\ufffd": "v\ufffd"})


def test_documents_are_cut(notes: VectorRetriever) -> None:
    notes.add(Document("\n\n".join(f"Paragraph {n} " + "of some words " * 40 for n in range(9)), "book.md"))
    found = notes.retrieve("Paragraph 3", top_k=9)
    assert len(notes) > 1 and {each.source for each in found} == {"book.md"}


def test_pointers_are_followed_and_filters_apply_to_their_targets(server: Vectors, path: str | None) -> None:
    archive = VectorRetriever(server.embedder(), name="archive")
    archive.add(Node("from the archive", metadata={"lang": "en"}))
    notes = VectorRetriever(server.embedder(), path, targets={"archive": archive})
    notes.add([Node("the archive", target="archive"), "not in English"])
    assert texts(notes.retrieve("the archive", where={"lang": "en"})) == ["from the archive"]
    pointer = Node("an object", target=archive)
    if path is None:
        notes.add(pointer)
        assert notes.get([pointer.id])[pointer.id].target is archive
        notes.add(Node("an object"))
        assert notes.get([pointer.id])[pointer.id].target is None
    else:
        with pytest.raises(errors.ConfigError, match="targets="):
            notes.add(pointer)
    notes.close()


@pytest.mark.usefixtures("new_process")
def test_a_file_is_found_again_also_by_another_process(server: Vectors, tmp_path: Path) -> None:
    path = tmp_path / "notes.sqlite"
    with VectorRetriever(server.embedder(), path) as notes:
        notes.add(Node("kept", "s", {"n": 1}))
    again = VectorRetriever(server.embedder(), path)
    assert again.retrieve("kept")[0].node == Node("kept", "s", {"n": 1})
    code = """
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as file:
    file.execute("INSERT INTO nodes SELECT 'new', 'added by another process', '', '{}', NULL, vector FROM nodes")
"""
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    assert set(texts(again.retrieve("kept"))) == {"kept", "added by another process"}
    again.close()


def test_a_file_is_not_searched_with_another_model(server: Vectors, tmp_path: Path) -> None:
    path = tmp_path / "notes.sqlite"
    with VectorRetriever(server.embedder(), path) as notes:
        notes.add("a")
    for other in (server.embedder(dimensions=2), server.embedder(model="openai:text-embedding-3-large")):
        for use in (lambda made: made.retrieve("a"), lambda made: made.add("b"), len):
            made = VectorRetriever(other, path)
            with pytest.raises(errors.ConfigError, match="holds vectors of openai:text-embedding-3-small, not of"):
                use(made)
            made.close()


def test_a_node_that_cannot_be_embedded_does_not_prevent_adding_the_others(
    notes: VectorRetriever, server: Vectors
) -> None:
    server.refuse = lambda batch: refusal("too long") if any(len(text) > 9 for text in batch) else None
    with pytest.raises(errors.EmbeddingFailed, match="text 1"):
        notes.add(["a", "much too long", "b"])
    assert texts(notes.retrieve("a")) == ["a", "b"]


def test_metadata_must_be_plain(notes: VectorRetriever) -> None:
    with pytest.raises(errors.ConfigError, match="plain JSON values"):
        notes.add(Node("a", metadata={"x": object()}))
    assert len(notes) == 0


@pytest.mark.usefixtures("local_model")
def test_notes_are_found_by_meaning_with_the_embedded_model(tmp_path: Path) -> None:
    embedder = Embedder("local:smollm2", cache=tmp_path / "vectors.sqlite")
    with VectorRetriever(embedder, tmp_path / "notes.sqlite") as notes:
        notes.add(
            [
                "The bakery opens at seven in the morning.",
                "The library lends books for four weeks.",
                "Interest rates rose by half a percent.",
            ]
        )
        assert texts(notes.retrieve("The library lends books for how many weeks?", top_k=1)) == [
            "The library lends books for four weeks."
        ]
