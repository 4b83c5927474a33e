"""Google's Vertex AI: Gemini under a project of your own. https://cloud.google.com/vertex-ai/generative-ai/docs

Needs the extra `vertex` (google-auth), unless you bring an access token of your own.
"""

from __future__ import annotations

from .dsl.gemini_thinking import GEMINI_MODELS, OPTIONS, budgeted_thinking
from .dsl.google_cloud import ADDRESS, attach, into_project
from .dsl.provider import declare_provider
from .wires.google_generate import google_generate
from .wires.operations.google_embeddings import vertex_predict_embeddings

google_vertex = declare_provider(
    "google_vertex",
    name="Google Vertex AI",
    docs="https://cloud.google.com/vertex-ai/generative-ai/docs",
    wire=[google_generate, vertex_predict_embeddings],
    base_url=ADDRESS,
    env_key=["GOOGLE_VERTEX_ACCESS_TOKEN"],
    key_optional=True,
    options=OPTIONS,
    translate_options=[budgeted_thinking],
    models=GEMINI_MODELS,
    prepare_request=into_project("google"),
    attach=attach,
)
