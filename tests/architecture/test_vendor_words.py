"""General code knows no vendor: what one of them calls a field, a header or itself is data of a provider or a wire."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from stepwell.providers.declare.registry import BUILT_IN

from import_graph import imported_names
from sources import listed, name_of, nodes_of, python_files

GENERAL = [
    path
    for path in python_files("schemas", "pipeline", "stepwell")
    # The integrations speak the vendors' formats on purpose.
    if not name_of(path).startswith("stepwell/integrations/")
    # "Google style" is the name of a way to write docstrings.
    and name_of(path) != "schemas/json_schema/docstrings.py"
    # Its subject is what others call things, for the errors of those who come from there.
    and name_of(path) not in ("schemas/foreign_arguments.py", "schemas/foreign_exports.py", "schemas/foreign_names.py")
]

ENGLISH = {"local", "together", "meta", "coder", "coding", "plan", "cn", "github", "cloudflare", "nvidia"}
"""Parts of providers' ids that mean something by themselves."""

FAMILIES = {"aws", "bedrock", "chatgpt", "claude", "copilot", "gemini", "gemma", "gpt", "grok", "kimi", "llama", "qwen"}

SNAKE_CASE = {
    "cache_creation_input_tokens", "completion_tokens", "finish_details", "max_completion_tokens", "max_new_tokens",
    "num_ctx", "num_predict", "prompt_eval_count", "prompt_tokens", "reasoning_format", "thinking_budget",
    "completion_window", "input_file_id",
}  # fmt: skip
"""Vendors' names of fields which are spelt as ours are, so that no rule can find them.

Those of the dict form of messages (`tool_calls`, `image_url`) are ours, too: callers write them."""


def vendor_words() -> set[str]:
    """Return all words that name a provider or a family of models."""
    return {part for name in BUILT_IN for part in re.split(r"[-_]", name)} - ENGLISH | FAMILIES


def strings(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and text of each string that the program works with: no docstrings, and no examples in hints."""
    skipped: set[int] = set()
    for node in nodes_of(path):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(id(node.value))
        elif isinstance(node, ast.keyword) and node.arg == "hint":
            skipped |= {id(each) for each in ast.walk(node.value)}
    for node in nodes_of(path):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.lineno, node.value


def names(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and text of each name that the file defines or uses, but for what it hands on under its own name."""
    handed_on = {name for _, _, name in imported_names(path)}
    for node in nodes_of(path):
        if isinstance(node, ast.Name) and node.id not in handed_on:
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute):
            yield node.lineno, node.attr
        elif isinstance(node, ast.arg | ast.keyword) and node.arg:
            yield node.lineno, node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name


def parts(text: str) -> set[str]:
    """Return all words in a text or a name, without those of an example such as `'openai:gpt-5'`."""
    text = re.sub(r"'\w+[:']", "", text)
    return set(re.findall(r"[a-z]+", re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", text).lower()))


@cache
def vendor_fields() -> set[str]:
    """Return the names of fields and headers in the code of wires and providers which are in no vocabulary of ours.

    Those in camelCase that are no keyword of JSON Schema, and those of headers that begin with `x-` or a vendor's name.
    """
    found = {text for path in python_files("providers") for _, text in strings(path)}
    words = vendor_words() | {"x", "apim", "amzn", "cf", "goog"}
    camel = {text for text in found if re.fullmatch(r"[a-z]+([A-Z][a-z0-9]*)+", text)} - json_schema_keywords()
    headers = {text for text in found if re.fullmatch(rf"({'|'.join(sorted(words))})(-[a-z]+)+", text)}
    # No vendor's own: https://http.dev/x-request-id
    return (camel | headers | SNAKE_CASE) - {"x-request-id"}


def json_schema_keywords() -> set[str]:
    """Return all strings in the code that reads JSON Schema."""
    return {text for path in python_files("schemas/json_schema") for _, text in strings(path)}


def test_general_code_names_no_vendor() -> None:
    words = vendor_words()
    found = [
        f"{name_of(path)}:{line}: {', '.join(sorted(hits))} in {text!r:.80}"
        for path in GENERAL
        for line, text in [*strings(path), *names(path)]
        if (hits := parts(text) & words) and text not in public_names()
    ]
    assert not found, listed(found)


def test_general_code_knows_no_field_or_header_of_a_vendor() -> None:
    fields = vendor_fields()
    found = [f"{name_of(path)}:{line}: {text}" for path in GENERAL for line, text in strings(path) if text in fields]
    assert not found, listed(found)


@cache
def public_names() -> set[str]:
    """Return the names that `stepwell` and its modules hand on from providers, such as `cloudflare_ai_gateway`."""
    return {
        name
        for path in python_files("stepwell")
        for _, origin, name in imported_names(path)
        if origin.startswith("stepwell.providers.")
    }


@pytest.mark.parametrize("word", ["openai", "anthropic", "gemini", "groq"])
def test_the_words_are_taken_from_the_registry(word: str) -> None:
    assert word in vendor_words()


@pytest.mark.parametrize("field", ["generationConfig", "inferenceConfig", "serviceTier", "x-goog-api-key"])
def test_the_fields_are_taken_from_the_wires(field: str) -> None:
    assert field in vendor_fields()
