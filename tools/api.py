"""Generate the files that repeat the methods of Client: `python -m tools.api`.

stepwell/async_api.py, async_bulk_api.py: AsyncClient, whose methods have the same arguments and are awaited.
stepwell/functions.py: the functions of the package, sync and async.
stepwell/__init__.pyi: the public names for type checkers, which cannot follow names that are loaded when first used.

A test compares the files with what this script writes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from tools.option_types import OPTIONS, formatted, option_types

PACKAGE = Path(__file__).parents[1] / "stepwell"
SOURCES = (PACKAGE / "api.py", PACKAGE / "bulk_api.py")
"""Client, and the class that it inherits from."""
STREAMS = ("Stream", "ToolStream", "ObjectStream", "MapRun")
NOT_A_FUNCTION = ("run", "stream", "preview", "health", "map")  # a function named map would hide the builtin one

METHOD = re.compile(r"^    def (?P<rest>\w+\((?:[^()]|\([^()]*\))*\) -> (?P<result>\w+))", re.MULTILINE)
"""The head of a method, up to the name of the class that it returns."""

RENAMED = {
    "class Client(BulkClient)": "class AsyncClient(AsyncBulkClient)",
    "class BulkClient(BaseClient)": "class AsyncBulkClient(BaseAsyncClient)",
    "from .bulk_api import BulkClient": "from .async_bulk_api import AsyncBulkClient",
    "import BaseClient": "import BaseAsyncClient",
    "A client with the calls": "An async client with the calls",
    '"""The synchronous client. Safe to share between threads; a forked child gets connections of its own."""': (
        '"""The asynchronous client, on asyncio or trio. One object serves several event loops, one after another or\n'
        '    at once: each gets connections of its own, which are closed when the loop ends."""'
    ),
}

FUNCTIONS = '''"""The functions of the package: the methods of one client of each kind, which the process shares.

Written by `python -m tools.api` from the methods of Client in api.py; change those, not this file.
"""

from .api import Client
from .async_api import AsyncClient
from .client_pair import SHARED_ASYNC_CLIENT, SHARED_CLIENT

CLIENT = Client.sharing(SHARED_CLIENT.planner, SHARED_CLIENT.connections)
ASYNC_CLIENT = AsyncClient.sharing(SHARED_ASYNC_CLIENT.planner, SHARED_ASYNC_CLIENT.connections)
"""Neither opens a connection before its first call."""

pipeline_for = CLIENT.pipeline_for
'''

STUB = '''"""The public names, for type checkers. Written by `python -m tools.api` from the list in __init__.py."""

'''


def methods() -> list[str]:
    """Return the names of Client's public methods, in the order of the files."""
    classes = [node for path in SOURCES for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)]
    return list(dict.fromkeys(node.name for each in classes for node in each.body if isinstance(node, ast.FunctionDef)))


def async_client(source: Path) -> str:
    """Return the async version of a file: every call awaited, and the async version of each class that it returns."""
    text = source.read_text()
    head = text.index('"""') + 3
    text = text[:head] + text[text.index('"""', head) :]
    text = re.sub(METHOD, _awaited, text)
    text = re.sub(r"(self\.(?:make_call|run_workflow)\()", r"await \1", text)
    text = re.sub(rf"\b({'|'.join((*STREAMS, 'BatchJob'))})\b", r"Async\1", text)
    for sync, asynchronous in RENAMED.items():
        text = text.replace(sync, asynchronous)
    what = "The public calls" if source.stem == "api" else "The public calls about many prompts at once"
    doc = (
        f"{what}, to be awaited.\n\n"
        f"Written by `python -m tools.api` from the methods in {source.name}; change those, not this file.\n"
    )
    return text.replace('""""""', f'"""{doc}"""', 1)


def _awaited(head: re.Match[str]) -> str:
    return head[0] if head["result"] in STREAMS else f"    async def {head['rest']}"


def functions() -> str:
    """Return functions.py: each method of both clients as a function."""
    names = [name for name in methods() if name not in NOT_A_FUNCTION]
    sync = "".join(f"{name} = CLIENT.{name}\n" for name in names)
    awaited = "".join(f"a{name} = ASYNC_CLIENT.{name}\n" for name in names)
    return f"{FUNCTIONS}\n{sync}\n{awaited}"


def stub() -> str:
    """Return __init__.pyi: an import of each public name from the module that is listed in __init__.py."""
    import stepwell

    lines = [STUB]
    for module, names in stepwell.PUBLIC.items():
        lines.append(f"from .{module} import {_exported(names)}\n")
    lines.append(f"from . import {_exported(stepwell.MODULES)}\n\n__version__: str\n")
    return "".join(lines)


def _exported(names: Iterable[str]) -> str:
    return ", ".join(f"{name} as {name}" for name in names)


WRITTEN = {
    OPTIONS: option_types,
    **{path.with_name(f"async_{path.name}"): partial(async_client, path) for path in SOURCES},
    PACKAGE / "functions.py": functions,
    PACKAGE / "__init__.pyi": stub,
}


def main() -> None:
    """Write all the files."""
    for path, write in WRITTEN.items():
        path.write_text(formatted(write(), path), encoding="utf-8")


if __name__ == "__main__":
    main()
