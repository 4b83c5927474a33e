"""Voyage AI. https://docs.voyageai.com"""

from .declare.embed_limits import EmbedLimit
from .declare.provider import declare_provider
from .declare.rules import rename
from .wires.operations.embeddings import in_base64, openai_embeddings
from .wires.operations.rerank import rerank

voyage = declare_provider(
    "voyage",
    name="Voyage AI",
    docs="https://docs.voyageai.com",
    wire=in_base64(openai_embeddings, rerank),
    base_url="https://api.voyageai.com/v1",
    env_key="VOYAGE_API_KEY",
    # https://docs.voyageai.com/reference/embeddings-api: tokens are those of the smallest limit, of voyage-3-large
    embed_batches={"*": EmbedLimit(1000, 120_000)},
    options={
        "top_k": {"type": "integer", "minimum": 1},
        "truncation": {"type": "boolean"},
        "output_dtype": {"enum": ["float", "int8", "uint8", "binary", "ubinary"]},
        "return_documents": {"type": "boolean"},
    },
    translate_options=[
        rename("kind", "input_type"),
        rename("dimensions", "output_dimension"),
        rename("top_n", "top_k"),
    ],
)
