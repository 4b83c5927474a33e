"""Jina AI. https://jina.ai/embeddings"""

from .declare.provider import declare_provider
from .declare.rules import convert
from .wires.operations.embeddings import openai_embeddings
from .wires.operations.rerank import rerank

_TASKS = {
    "query": "retrieval.query",
    "document": "retrieval.passage",
    "similarity": "text-matching",
    "clustering": "separation",
}

jina = declare_provider(
    "jina",
    name="Jina AI",
    docs="https://jina.ai",
    wire=[openai_embeddings, rerank],
    base_url="https://api.jina.ai/v1",
    env_key="JINA_API_KEY",
    options={
        "late_chunking": {"type": "boolean"},
        "truncate": {"type": "boolean"},
        "normalized": {"type": "boolean"},
        "return_documents": {"type": "boolean"},
    },
    translate_options=[convert("kind", _TASKS, to="task")],
)
