"""Finding texts for a question: nodes, retrievers, and the pipeline step that sends along what was found."""

from .citations import Citation, citations
from .context import notes, retrieve_context
from .fused import FusedRetriever, RerankedRetriever
from .node import Document, Node, ScoredNode
from .retriever import Retriever, Search
from .vector import VectorRetriever

__all__ = [
    "Citation",
    "Document",
    "FusedRetriever",
    "Node",
    "RerankedRetriever",
    "Retriever",
    "ScoredNode",
    "Search",
    "VectorRetriever",
    "citations",
    "notes",
    "retrieve_context",
]
