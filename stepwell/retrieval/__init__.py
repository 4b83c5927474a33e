"""Retrieval: nodes of text, retrievers that find them, and the pipeline step that adds them to a question."""

from typing import TYPE_CHECKING

from ..schemas.other_names import suggesting
from .context import notes, retrieve_context
from .fused import FusedRetriever, RerankedRetriever
from .node import Document, Node, ScoredNode
from .retriever import Retriever, Search
from .vector import VectorRetriever

__all__ = [
    "Document",
    "FusedRetriever",
    "Node",
    "RerankedRetriever",
    "Retriever",
    "ScoredNode",
    "Search",
    "VectorRetriever",
    "notes",
    "retrieve_context",
]


if not TYPE_CHECKING:  # for a type checker, any name would then exist
    __getattr__ = suggesting(__name__)
