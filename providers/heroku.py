"""Heroku Managed Inference. https://devcenter.heroku.com/articles/openai-compatibility-chat-completions"""

from .declare.provider import declare_provider
from .declare.rules import drop
from .wires.openai_chat import openai_chat
from .wires.operations.embeddings import openai_embeddings

heroku = declare_provider(
    "heroku",
    name="Heroku",
    docs="https://devcenter.heroku.com/articles/heroku-inference",
    wire=[openai_chat, openai_embeddings],
    base_url="https://us.inference.heroku.com/v1",
    base_url_env="INFERENCE_URL",
    trusted_hosts=(".inference.heroku.com",),
    env_key="INFERENCE_KEY",
    options={"extended_thinking": {"type": "object"}},
    translate_options=[
        drop(
            *("n", "frequency_penalty", "presence_penalty", "logprobs", "top_logprobs", "logit_bias", "seed", "user"),
            *("store", "metadata", "service_tier", "prompt_cache_key", "verbosity"),
            why="Heroku ignores it",
        ),
    ],
)
