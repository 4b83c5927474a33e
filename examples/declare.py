"""Declare: a provider of a known wire format is a few lines of data."""

import stepwell
from stepwell.declare import clamp, declare_provider, drop, openai_chat
from stepwell.providers.local import server
from stepwell.testing import conformance

# Any OpenAI-compatible server will do; here it is that of the embedded model, under another provider's id.
house = declare_provider(
    "house",
    wire=openai_chat,
    base_url=f"{server.base_url()}/v1",
    env_key="HOUSE_API_KEY",
    options={"mirostat": {"enum": [0, 1, 2]}},
    translate_options=[
        clamp("temperature", high=1, why="our gateway refuses more"),
        drop("logit_bias", why="our gateway strips it"),
    ],
)
stepwell.register(house)

reply = stepwell.generate_text(
    "house:smollm2",
    "Say hello.",
    api_key="any",
    temperature=1.7,
    seed=1,
    max_tokens=20,
    provider_options={"mirostat": 0},  # checked against `options=` above
)
print(reply.text)
for warning in reply.warnings:
    print("warning:", warning)

# The suite that the built-in providers pass, run over this one, offline.
print(str(conformance(house)).splitlines()[0])
