"""Google's Vertex AI: Gemini under a project of your own, Claude, and the open models of its Model Garden, which are
served in OpenAI's chat format. https://cloud.google.com/vertex-ai/generative-ai/docs

Needs the extra `vertex` (google-auth), unless you bring an access token or an API key of your own.
"""

from attrs import evolve

from .auth.google_cloud import ADDRESS, HOSTS, PLACE, authenticate, into_project
from .declare.embed_limits import EmbedLimit
from .declare.google_accounts import CREDENTIALS
from .declare.provider import declare_provider, override
from .declare.rules import drop, only, rename, without_thinking
from .google_vertex_anthropic import google_vertex_anthropic as claude
from .google_vertex_anthropic import without_publisher
from .options.claude_options import CLAUDE, user_id_alone
from .options.gemini_options import IMAGEN, LIMITS, OPTIONS, gemini_budgeted_thinking, gemini_models
from .options.server_tools import GEMINI_ON_VERTEX
from .wires.google_generate import google_generate, vertex_count_tokens
from .wires.openai_chat import openai_chat
from .wires.operations.embeddings import vertex_embed_content, vertex_predict_embeddings
from .wires.operations.google_images import google_generate_images, google_images

_in_project = into_project("publishers/google")
_labels = rename("metadata", "labels")

google_vertex = declare_provider(
    "google_vertex",
    name="Google Vertex AI",
    docs="https://cloud.google.com/vertex-ai/generative-ai/docs",
    wire=[
        evolve(google_generate, server_tools=GEMINI_ON_VERTEX),
        claude.wires[0],
        openai_chat,
        vertex_predict_embeddings,
        vertex_embed_content,
        vertex_count_tokens,
        google_generate_images,
        google_images,
    ],
    base_url=ADDRESS,
    place=PLACE,
    trusted_hosts=HOSTS,
    env_key=["GOOGLE_VERTEX_ACCESS_TOKEN", "GOOGLE_VERTEX_API_KEY"],
    key_optional=True,
    credentials=CREDENTIALS,
    options={**claude.options, **OPTIONS, "labels": {"type": "object"}, "model_armor_config": {"type": "object"}},
    translate_options=[gemini_budgeted_thinking(), *LIMITS, _labels],
    models={
        **gemini_models(_labels),
        "claude-*": override(translate_options=only(user_id_alone, *CLAUDE), prepare_request=claude.prepare_request),
        **claude.models,
        # https://cloud.google.com/vertex-ai/generative-ai/docs/maas/call-open-model-apis
        "*-maas": override(
            translate_options=only(
                without_thinking,
                drop("reasoning_budget", "reasoning_summary", why="chat completions have no such option"),
            ),
            prepare_request=into_project("endpoints/openapi"),
        ),
    },
    normalize_model_id=without_publisher,
    spoken={**IMAGEN, "*gemini-embedding-[2-9]*": "vertex_embed_content"},
    # https://cloud.google.com/vertex-ai/generative-ai/docs/embeddings/get-text-embeddings
    embed_batches={"*": EmbedLimit(250, 20_000), "*gemini-embedding-*": EmbedLimit(1)},
    # Claude's signatures, see anthropic.py, and Gemini's: https://github.com/vercel/ai/pull/13060
    accepts_signatures_of=["google", "anthropic", "amazon_bedrock", "google_vertex_anthropic"],
    prepare_request=_in_project,
    auth=authenticate,
)
