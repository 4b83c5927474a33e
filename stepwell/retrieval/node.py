"""Nodes of text, the documents they are cut from, and the scored nodes that a search returns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from inspect import iscoroutine
from os import PathLike
from typing import Any, SupportsFloat, TypeAlias

from attrs import field, frozen

from ..schemas.errors import ConfigError
from ..schemas.foreign_names import Hinted
from ..schemas.missing_argument import saying_how_it_is_made
from ..schemas.several import holds_several
from .splitting import split


def digest(*parts: str) -> str:
    """Hash texts to 128 bits, in hexadecimal."""
    return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _source(source: str | PathLike[str] | None) -> str:
    if source is None or isinstance(source, str):
        return source or ""
    if isinstance(source, PathLike):
        return str(source)
    raise ConfigError(f"a source cannot be a {type(source).__name__}", hint="pass a str or a path")


def _metadata(metadata: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if metadata is not None and not isinstance(metadata, Mapping):
        raise ConfigError(f"metadata cannot be a {type(metadata).__name__}", hint="pass a dict")
    return metadata or {}


@saying_how_it_is_made
@frozen(hash=False)
class Node(Hinted, hints="node"):
    """A piece of text that a retriever can find."""

    text: str
    source: str = field(default="", converter=_source)
    """Where the text comes from: a path, a URL."""
    metadata: Mapping[str, Any] = field(factory=dict, converter=_metadata, repr=False)
    """The caller's own facts, which filters see."""
    id: str = field(default="", kw_only=True)
    """A hash of text and source by default."""
    target: Any = field(default=None, kw_only=True)
    """Makes the node a pointer, which a search replaces by what it finds there: a Retriever to search, a function of
    the query, a Node, or a name in the retriever's `targets`."""

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.text, str) or not self.text.strip():
            raise ConfigError("a node has no text", hint="pass a str with more than white space")
        if not self.id:
            object.__setattr__(self, "id", digest(self.text, self.source))
        if not isinstance(self.id, str):
            raise ConfigError(f"a node's id cannot be a {type(self.id).__name__}", hint="pass a str")

    @property
    def identity(self) -> tuple[str, str]:
        """The hash of the text, and the source: nodes that agree in both count as one."""
        return digest(self.text), self.source


@saying_how_it_is_made
@frozen(hash=False)
class Document:
    """A text of any length from one source, which `nodes` cuts into pieces to search and to quote."""

    text: str
    source: str = field(default="", converter=_source)
    metadata: Mapping[str, Any] = field(factory=dict, converter=_metadata, repr=False)

    def nodes(self, size: int = 256, overlap: int = 0) -> list[Node]:
        """Cut the text at paragraphs, else at sentences, else at words.

        size: most tokens of a piece (estimated).
        overlap: most tokens that a piece repeats from the end of the one before.
        """
        return [Node(piece, self.source, self.metadata) for piece in split(self.text, size, overlap)]


def _node(node: Node | str) -> Node:
    if isinstance(node, str):
        return Node(node)
    if not isinstance(node, Node):
        raise ConfigError(f"a {type(node).__name__} is not a Node", hint="ScoredNode(Node(...), score)")
    return node


def _score(score: SupportsFloat | None) -> float | None:
    """Convert a number of any library to a float, NaN to None."""
    try:
        number = None if score is None else float(score)
    except (TypeError, ValueError):
        raise ConfigError(f"a score cannot be a {type(score).__name__}", hint="pass a number, or None") from None
    return None if number != number else number


@frozen(hash=False)
class ScoredNode(Hinted, hints="node"):
    """A node and how well it fits the query."""

    node: Node = field(converter=_node)
    score: float | None = field(default=None, converter=_score)
    """Higher is better, on the retriever's own scale; None where it has no score. NaN becomes None."""

    @property
    def text(self) -> str:
        """The node's text."""
        return self.node.text

    @property
    def source(self) -> str:
        """Where the text comes from."""
        return self.node.source

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The caller's own facts."""
        return self.node.metadata


Nodes: TypeAlias = "str | Node | Document | Iterable[Nodes]"
"""What can be added to a retriever: texts, nodes and documents, one or many."""


def nodes_of(source: Nodes) -> list[Node]:
    """Return the nodes of texts, nodes and documents, one or many. Raises ConfigError for anything else."""
    if isinstance(source, str):
        return [Node(source)]
    if isinstance(source, Node):
        return [source]
    if isinstance(source, Document):
        return source.nodes()
    if holds_several(source):
        return [node for member in source for node in nodes_of(member)]
    raise ConfigError(f"a {type(source).__name__} cannot be searched", hint="pass texts, Nodes or Documents")


def settled(source: Nodes) -> Nodes:
    """Return the same with each iterator read, in the thread of the caller: it may belong there, as a cursor does."""
    if isinstance(source, list | tuple):
        return source if _WHOLE.issuperset(map(type, source)) else [settled(member) for member in source]
    if holds_several(source):
        return [settled(member) for member in source]
    return source


_WHOLE = frozenset((str, Node, Document))


def scored_nodes_of(result: object, score: float | None = None) -> Iterator[ScoredNode]:
    """Yield the scored nodes of what a retriever or a function returned: None, ScoredNodes, or what nodes_of takes.

    `score` is for those that have none. Raises ConfigError for anything else.
    """
    if result is None:
        return
    if isinstance(result, ScoredNode):
        yield result if result.score is not None else ScoredNode(result.node, score)
    elif isinstance(result, str):
        if result.strip():
            yield ScoredNode(Node(result), score)
    elif isinstance(result, Node | Document):
        yield from (ScoredNode(node, score) for node in nodes_of(result))
    elif holds_several(result):
        for member in result:
            yield from scored_nodes_of(member, score)
    else:
        hint = "return texts, Nodes or ScoredNodes"
        if iscoroutine(result):
            result.close()
            hint = "name it afind: find is not awaited"
        raise ConfigError(f"a retriever or function returned a {type(result).__name__}", hint=hint)
