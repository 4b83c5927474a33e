"""ElevenLabs: speech and transcripts. https://elevenlabs.io/docs/api-reference"""

from .dsl.auth import header_key
from .dsl.provider import declare_provider
from .wires.operations.elevenlabs import elevenlabs_speech, elevenlabs_transcription

elevenlabs = declare_provider(
    "elevenlabs",
    name="ElevenLabs",
    docs="https://elevenlabs.io/docs",
    wire=[elevenlabs_speech, elevenlabs_transcription],
    base_url="https://api.elevenlabs.io/v1",
    env_key="ELEVENLABS_API_KEY",
    auth=header_key("xi-api-key"),
    options={"voice_settings": {"type": "object"}},
)
