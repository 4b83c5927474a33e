"""The forms in which each family of models writes its calls, wherever it is served.

From the models' chat templates; a server that reads them itself leaves none in the text.
"""

from __future__ import annotations

import re

_FORMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("llama-?4", ("python_block", "python_tag", "python", "json")),
    ("llama", ("python_tag", "function", "json", "python", "tool_call")),
    ("qwen|qwq|hermes|nous|smollm|granite", ("tool_call", "function", "list")),
    ("deepseek", ("separated", "invoke", "tool_call")),
    ("glm|chatglm|zai", ("tool_call",)),
    ("kimi|moonlight", ("section",)),
    ("mistral|mixtral|ministral|magistral|devstral|codestral|pixtral", ("marked",)),
    ("minimax", ("invoke",)),
    ("gpt-oss", ("channel",)),
    ("nemotron|jamba|phi|command|internlm", ("list", "tool_call")),
    ("lfm|liquid", ("liquid",)),
    ("olmo", ("invoke",)),
    ("gemma|functiongemma", ("gemma",)),
    ("apertus", ("apertus",)),
    ("step-?3", ("step",)),
    ("seed-oss|seed_oss", ("seed", "function")),
)
_ROWS = tuple((re.compile(rf"(?:^|[^a-z])(?:{names})"), forms) for names, forms in _FORMS)


def forms_of_model(model_id: str) -> tuple[str, ...]:
    """Return the names of the forms that the model of this id may write; () for a family that writes none."""
    id = model_id.lower()
    return next((forms for names, forms in _ROWS if names.search(id)), ())
