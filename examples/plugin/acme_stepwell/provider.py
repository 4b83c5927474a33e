"""Acme, which speaks the format of chat completions. https://docs.acme.example/api"""

from stepwell.declare import clamp, declare_provider, drop, openai_chat, rename

acme = declare_provider(
    "acme",
    name="Acme",
    docs="https://docs.acme.example/api",
    wire=openai_chat,
    base_url="https://api.acme.example/v1",
    env_key="ACME_API_KEY",
    # Its own options, which callers pass in provider_options={...}.
    options={"tone": {"enum": ["plain", "warm"]}},
    translate_options=[
        rename("max_tokens", "max_completion_tokens"),
        clamp("temperature", high=1, why="Acme's scale ends there"),
        drop("seed", why="Acme has no seeds"),
    ],
)
