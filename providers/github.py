"""GitHub Models. https://docs.github.com/en/github-models"""

from .declare.addresses import rewrite_path
from .declare.provider import declare_provider, override
from .declare.rules import BY_FACTS, rename
from .wires.openai_compatible import COMPATIBLE

github = declare_provider(
    "github",
    name="GitHub Models",
    docs="https://docs.github.com/en/github-models",
    wire=COMPATIBLE,
    base_url="https://models.github.ai/inference",
    # https://docs.github.com/en/rest/models/catalog
    prepare_request=rewrite_path("list_models", "/inference/models", "/catalog/models"),
    env_key=["GITHUB_TOKEN", "GITHUB_MODELS_TOKEN"],
    translate_options=BY_FACTS,
    # "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    models=dict.fromkeys(
        ("openai/gpt-[5-9]*", "openai/o[134]*"),
        override(translate_options=[rename("max_tokens", "max_completion_tokens")]),
    ),
    headers={"x-github-api-version": "2022-11-28"},
)
