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

{module} = declare_provider(
    "{name}",
    name="{title}",
    docs="https://docs.{host}",
    wire={wire},
    base_url={url},
    {key},
    # What is special about it is data, too, with rules from stepwell.declare:
    # translate_options=[rename("max_tokens", "max_completion_tokens")],
)
'''
_TEST = '''"""{title} passes the checks of every provider, offline."""

import stepwell
from stepwell.testing import conformance

from {module} import {module}


def test_{module}_passes_the_checks_of_every_provider() -> None:
    assert conformance({module}).ok


def test_{module}_is_called_at_its_address() -> None:
    stepwell.register({module})
    client = stepwell.Client({keys})
    sent = client.preview("{name}:some-model", "Say hello.")
    assert sent.url.startswith({module}.base_url)
'''
_NEXT = """wrote {module}.py and test_{module}.py; run the tests:

    pip install pytest
    python -m pytest test_{module}.py

stepwell finds it by the entry point of an installed package, in
pyproject.toml:

    [project.entry-points."stepwell.providers"]
    {entry} = "{module}:{module}"

or after stepwell.register({module})."""


def new_provider(arguments: argparse.Namespace) -> None:
    """Write the module of a provider and its tests into the current folder, and print what to do next.

    Raises ConfigError for an invalid or taken name, for an invalid URL, and if one of the files exists.
    """
    name = arguments.name
    module = _module_of(name)
    host = module.replace("_", "-") + ".example"
    url = checked_url(arguments.base_url or f"https://api.{host}/v1", "--base-url")
    files = {Path(f"{module}.py"): _DECLARATION, Path(f"test_{module}.py"): _TEST}
    for path in files:
        if path.exists() or path.is_symlink():
            raise ConfigError(f"{path} exists, and nothing was written", hint="move it away, or choose another name")
    _check_free(name, module)
    facts = {
        "name": name,
        "module": module,
        "entry": f'"{name}"' if "." in name else name,  # TOML reads a dot in a plain key as a table
        "title": module.replace("_", " ").title(),
        "host": host,
        "wire": arguments.wire,
        "url": dumps(url).decode(),  # as a Python string, also with quotes in it
        "key": "key_optional=True" if arguments.no_key else f'env_key="{module.upper()}_API_KEY"',
        "keys": "" if arguments.no_key else f'api_keys={{"{name}": "any"}}',
    }
    for path, text in files.items():
        write_file(path, text.format(**facts).encode())
    say(_NEXT.format(**facts))


def _module_of(name: str) -> str:
    """Return the name of a provider's module: small letters, and _ in the place of - and dots.

    Raises ConfigError for a name that a provider or a module cannot have.
    """
    module = name.lower().replace("-", "_").replace(".", "_")
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,30}", module) or iskeyword(module):
        raise ConfigError(
            f"{name!r:.40} cannot name a provider and its module",
            hint="use up to 31 letters, digits, '_', '-' and '.', a letter first: acme_cloud",
        )
    return module


def _check_free(name: str, module: str) -> None:
    """Raise ConfigError for the name of a provider or a module that is there already."""
    if REGISTRY.knows(name):
        raise ConfigError(
            f"stepwell already has a provider {name!r}", hint=f"choose another name, such as {module}_of_mine"
        )
    if module in sys.stdlib_module_names or find_spec(module) is not None:
        raise ConfigError(f"there is a module {module!r}, which the new one would hide", hint="choose another name")
