"""Declare: a provider is a few lines of data. This one speaks a known wire, so the data is all there is."""

import stepwell
from stepwell.declare import clamp, declare_provider, drop, openai_chat
from stepwell.providers.local import server
from stepwell.testing import conformance

# Any OpenAI-compatible server will do; here it is the embedded one, as if it were somewhere else.
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
    "house:smollm2", "Say hello.", api_key="any", temperature=1.7, seed=1, max_tokens=20, mirostat=0
)
print(reply.text)
for warning in reply.warnings:
    print("warning:", warning)

# The suite that our own providers pass, run over this one, offline.
print(str(conformance(house)).splitlines()[0])
