"""ElevenLabs: speech and transcripts. https://elevenlabs.io/docs/api-reference"""

from attrs import evolve

from .auth.auth import header_key
from .declare.provider import declare_provider
from .wires.operations.elevenlabs import elevenlabs_speech, elevenlabs_transcription
from .wires.operations.openai_misc import models_by, openai_models

elevenlabs = declare_provider(
    "elevenlabs",
    name="ElevenLabs",
    docs="https://elevenlabs.io/docs",
    wire=[
        elevenlabs_speech,
        elevenlabs_transcription,
        evolve(openai_models, decode_response=models_by("model_id")),
    ],
    base_url="https://api.elevenlabs.io/v1",
    env_key="ELEVENLABS_API_KEY",
    auth=header_key("xi-api-key"),
    options={"voice_settings": {"type": "object"}},
)
