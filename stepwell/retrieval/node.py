"""What is searched and what is found: nodes, the documents they are cut from, and findings with their scores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from os import PathLike
from typing import Any

from attrs import field, frozen

from ..schemas.errors import ConfigError
from .splitting import split


def digest(*parts: str) -> str:
    """A short name for texts: 128 bits of a hash."""
    return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _name(given: Any) -> str:
    """A source: text, or a path."""
    if given is None or isinstance(given, str):
        return given or ""
    if isinstance(given, PathLike):
        return str(given)
    raise ConfigError(f"a source cannot be a {type(given).__name__}", hint="name it in text, or by its path")


def _facts(given: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if given is not None and not isinstance(given, Mapping):
        raise ConfigError(f"metadata cannot be a {type(given).__name__}", hint="pass a dict")
    return given or {}


@frozen(hash=False)
class Node:
    """A piece of text that can be found.

    `source` says where it comes from (a path, a URL); `metadata` is yours, to filter by. `id` is made from text and
    source unless given. `target` makes it a pointer: whoever finds it looks further there, in another Retriever, in
    what a function gives for the query, at another node, or at what the retriever knows by that name.
    """

    text: str
    source: str = field(default="", converter=_name)
    metadata: Mapping[str, Any] = field(factory=dict, converter=_facts, repr=False)
    id: str = field(default="", kw_only=True)
    target: Any = field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.text, str) or not self.text.strip():
            raise ConfigError("a node has no text", hint="its text is what it is found by")
        if not self.id:
            object.__setattr__(self, "id", digest(self.text, self.source))
        if not isinstance(self.id, str):
            raise ConfigError(f"a node's id cannot be a {type(self.id).__name__}", hint="ids are text")

    @property
    def identity(self) -> tuple[str, str]:
        """By what two nodes are the same: the hash of the text, and the source."""
        return digest(self.text), self.source


@frozen(hash=False)
class Document:
    """A whole text from one source, which `nodes` cuts into pieces of a size to search and to quote."""

    text: str
    source: str = field(default="", converter=_name)
    metadata: Mapping[str, Any] = field(factory=dict, converter=_facts, repr=False)

    def nodes(self, size: int = 256, overlap: int = 0) -> list[Node]:
        """Pieces of at most `size` tokens (estimated), cut at paragraphs, else at sentences, else at words; each begins
        with up to `overlap` tokens of the one before."""
        return [Node(piece, self.source, self.metadata) for piece in split(self.text, size, overlap)]


def _node(given: Any) -> Node:
    if isinstance(given, str):
        return Node(given)
    if not isinstance(given, Node):
        raise ConfigError(f"a {type(given).__name__} is nothing that was found", hint="Found(Node(...), score)")
    return given


def _score(given: Any) -> float | None:
    """A number of any library's; one that is none (NaN) says nothing."""
    try:
        score = None if given is None else float(given)
    except (TypeError, ValueError):
        raise ConfigError(f"a score cannot be a {type(given).__name__}", hint="pass a number, or None") from None
    return None if score != score else score


@frozen(hash=False)
class ScoredNode:
    """A node and how well it fits: higher is better, 0.0 is a score like any other, None is no score, nor is NaN."""

    node: Node = field(converter=_node)
    score: float | None = field(default=None, converter=_score)

    @property
    def text(self) -> str:
        return self.node.text

    @property
    def source(self) -> str:
        return self.node.source


def nodes_of(given: Any) -> list[Node]:
    """Nodes from what people have: texts, nodes, documents, or an iterable of these."""
    if isinstance(given, str):
        return [Node(given)]
    if isinstance(given, Node):
        return [given]
    if isinstance(given, Document):
        return given.nodes()
    if isinstance(given, Iterable) and not isinstance(given, Mapping | bytes):
        return [node for each in given for node in nodes_of(each)]
    raise ConfigError(f"a {type(given).__name__} cannot be searched", hint="pass texts, Nodes or Documents")


def findings_of(given: Any, score: float | None = None) -> Iterator[ScoredNode]:
    """Findings from what a retriever or function may give: nothing, findings, or what nodes_of takes. `score` is for
    those that bring none."""
    if given is None:
        return
    if isinstance(given, ScoredNode):
        yield given if given.score is not None else ScoredNode(given.node, score)
    elif isinstance(given, str):
        if given.strip():
            yield ScoredNode(Node(given), score)
    elif isinstance(given, Node | Document):
        yield from (ScoredNode(node, score) for node in nodes_of(given))
    elif isinstance(given, Iterable) and not isinstance(given, Mapping | bytes):
        for each in given:
            yield from findings_of(each, score)
    else:
        raise ConfigError(f"a {type(given).__name__} is nothing that was found", hint="give texts, Nodes or Found(...)")
