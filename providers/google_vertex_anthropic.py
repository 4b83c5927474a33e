"""Anthropic's models on Vertex AI. https://docs.claude.com/en/docs/build-with-claude/claude-on-vertex-ai"""

from __future__ import annotations

from attrs import evolve

from .anthropic import anthropic
from .dsl.google_cloud import ADDRESS, attach, into_project
from .wires.anthropic_messages import anthropic_messages
from .wires.anthropic_messages.encode import body_for
from .wires.paths import segment

_VERSION = "vertex-2023-10-16"

google_vertex_anthropic = evolve(
    anthropic,
    id="google_vertex_anthropic",
    name="Anthropic on Vertex AI",
    wires=(
        evolve(
            anthropic_messages,
            path=lambda request: f"/models/{segment(request.model.id)}:rawPredict",
            stream_path=lambda request: f"/models/{segment(request.model.id)}:streamRawPredict",
            build_body=body_for(_VERSION),
        ),
    ),
    base_url=ADDRESS,
    env_key=("GOOGLE_VERTEX_ACCESS_TOKEN",),
    key_optional=True,
    headers={},
    prepare_request=into_project("anthropic"),
    attach=attach,
)
