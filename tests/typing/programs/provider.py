"""A provider of a known wire, with rules for its options, checked by the conformance suite."""

import stepwell
from stepwell.declare import Provider, clamp, declare_provider, drop, openai_chat, rename
from stepwell.testing import FakeModel, conformance

acme: Provider = declare_provider(
    "acme",
    wire=openai_chat,
    base_url="https://api.acme.example/v1",
    env_key="ACME_API_KEY",
    options={"service_tier": {"enum": ["auto", "flex"]}},
    translate_options=[rename("max_tokens", "max_completion_tokens"), drop("seed", why="Acme has no seeds")],
)
stepwell.register(acme)
print(conformance(acme))
print(stepwell.provider("acme").default_env_key(), clamp)
fake = FakeModel("hello")
print(fake)
