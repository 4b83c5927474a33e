"""`stepwell new-provider`: write a provider's declaration and its tests, which pass as written."""

from __future__ import annotations

import argparse
import re
import sys
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path

from ..providers.declare.registry import REGISTRY
from ..schemas.atomic_files import write_file
from ..schemas.errors import ConfigError
from ..schemas.json_text import dumps
from ..settings import checked_url
from .printing import say

_DECLARATION = '''"""{title}. https://docs.{host}"""

from stepwell.declare import declare_provider, {wire}

{name} = declare_provider(
    "{name}",
    name="{title}",
    docs="https://docs.{host}",
    wire={wire},
    base_url={url},
    env_key="{key}",
    # What is special about it is data, too, with rules from stepwell.declare:
    # translate_options=[rename("max_tokens", "max_completion_tokens")],
)
'''
_TEST = '''"""{title} passes the checks of every provider, offline."""

import stepwell
from stepwell.testing import conformance

from {name} import {name}


def test_{name}_passes_the_checks_of_every_provider() -> None:
    assert conformance({name}).ok


def test_{name}_is_called_at_its_address() -> None:
    stepwell.register({name})
    client = stepwell.Client(api_keys={{"{name}": "any"}})
    sent = client.preview("{name}:some-model", "Say hello.")
    assert sent.url.startswith({name}.base_url)
'''
_ROW = "| `{name}` | `{wire}` | `{key}` |"
_NEXT = """wrote {name}.py and test_{name}.py; run them:

    python -m pytest test_{name}.py

for a table of providers, their wires and their keys:

{row}

stepwell finds it by the entry point of an installed package, in
pyproject.toml:

    [project.entry-points."stepwell.providers"]
    {name} = "{name}:{name}"

or after stepwell.register({name})."""


def new_provider(arguments: argparse.Namespace) -> None:
    """Write NAME.py and test_NAME.py into the current folder, and print what to do next.

    Raises ConfigError for an invalid or taken name, for an invalid URL, and if one of the files exists.
    """
    name = arguments.name
    _check_form(name)
    url = checked_url(arguments.base_url or f"https://api.{name.replace('_', '-')}.example/v1", "--base-url")
    files = {Path(f"{name}.py"): _DECLARATION, Path(f"test_{name}.py"): _TEST}
    for path in files:
        if path.exists():
            raise ConfigError(f"{path} exists, and nothing was written", hint="move it away, or choose another name")
    _check_free(name)
    facts = {
        "name": name,
        "title": name.replace("_", " ").title(),
        "host": f"{name.replace('_', '-')}.example",
        "wire": arguments.wire,
        "url": dumps(url).decode(),  # as a Python string, also with quotes in it
        "key": f"{name.upper()}_API_KEY",
    }
    for path, text in files.items():
        write_file(path, text.format(**facts).encode())
    say(_NEXT.format(**facts, row=_ROW.format(**facts)))


def _check_form(name: str) -> None:
    """Raise ConfigError for a name that a provider or a module cannot have."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,30}", name) or iskeyword(name):
        raise ConfigError(
            f"{name!r:.40} cannot name a provider and its module",
            hint="use up to 31 small letters, digits and _, a letter first: acme_cloud",
        )


def _check_free(name: str) -> None:
    """Raise ConfigError for a name that a provider or a module has already."""
    if REGISTRY.knows(name):
        raise ConfigError(
            f"stepwell already has a provider {name!r}", hint=f"choose another name, such as {name}_of_mine"
        )
    if name in sys.stdlib_module_names or find_spec(name) is not None:
        raise ConfigError(f"there is a module {name!r}, which the new one would hide", hint="choose another name")
