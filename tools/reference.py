"""The reference pages: names and docstrings of the public modules, for mkdocstrings and as plain Markdown."""

from __future__ import annotations

import inspect
import re
from importlib import import_module

from griffe import Extension, Object

import stepwell

PARAMETER = re.compile(r"^(\w+(?:, \w+)*): (.*(?:\n    +\S.*)*)", re.M)
MODULES = (
    "stepwell",
    *(f"stepwell.{name}" for name in stepwell.MODULES),
    "stepwell.integrations.langchain",
    "stepwell.integrations.llama_index",
    "stepwell.integrations.opentelemetry",
)

FIRST = {
    "stepwell.declare": ("declare_provider", "override", "extending", "Provider", "Wire"),
    "stepwell.testing": ("FakeModel", "Cassette", "Faults", "conformance"),
    "stepwell.steps": (
        "around",
        "on_request",
        "on_response",
        "on_error",
        "on_chunk",
        "Pipeline",
        "Request",
        "Response",
    ),
    "stepwell.errors": ("StepwellError",),
    "stepwell.retrieval": ("VectorRetriever",),
    "stepwell.batch": ("submit_batch", "BatchJob"),
    "stepwell.events": ("subscribe",),
}
"""The names that a module's page begins with: what nearly everybody looks for there."""


class ParametersAsLists(Extension):
    """What griffe calls for each object that it has read: our docstrings name parameters as `name: what it is`."""

    def on_object(self, *, obj: Object, **_: object) -> None:
        """Make a Markdown list of the parameters of a docstring."""
        if obj.docstring is not None:
            obj.docstring.value = with_lists(obj.docstring.value)


def with_lists(docstring: str) -> str:
    """Return a docstring whose lines `name: what it is` are the items of a Markdown list."""
    return PARAMETER.sub(lambda found: f"- `{found[1]}`: " + re.sub(r"\n +", " ", found[2]), docstring)


def names_of(module: str) -> list[str]:
    """Return the public names of a module, those of FIRST before the others."""
    names = [name for name in getattr(import_module(module), "__all__", ()) if not name.startswith("_")]
    first = FIRST.get(module, ())
    return [*first, *(name for name in names if name not in first)]


def page(module: str) -> str:
    """Return the page of a module, with what mkdocstrings puts into it."""
    found = import_module(module)
    parts = [f"# {module}\n", with_lists(inspect.getdoc(found) or "")]
    parts += [f"\n::: {_place_of(module, name, getattr(found, name))}\n" for name in names_of(module)]
    return "\n".join(parts)


def _place_of(module: str, name: str, value: object) -> str:
    """Return the module in which a public name is written, and its name there."""
    home, inner = getattr(value, "__module__", None) or "", getattr(value, "__qualname__", name)
    if home.startswith("stepwell"):
        if getattr(import_module(home), name, None) is value:
            return f"{home}.{name}"
        if "." in inner:  # a method of the shared client
            return f"{home}.{inner}"
    written = next((each for each, names in stepwell.PUBLIC.items() if name in names), None)
    return f"stepwell.{written}.{name}" if module == "stepwell" and written else f"{module}.{name}"


def plain_page(module: str) -> str:
    """Return the page of a module as plain Markdown."""
    found = import_module(module)
    parts = [f"# {module}", with_lists(inspect.getdoc(found) or "")]
    for name in names_of(module):
        parts += [f"## {name}", *_plain(name, getattr(found, name))]
    return "\n\n".join(part for part in parts if part) + "\n"


def _plain(name: str, value: object) -> list[str]:
    signature = _signature(value)
    lines = [f"```python\n{name}{signature}\n```"] if signature else []
    if not (inspect.isclass(value) or inspect.isroutine(value)):
        return [*lines, f"`{type(value).__name__}`"]
    lines.append(with_lists(inspect.getdoc(value) or ""))
    if inspect.isclass(value):
        for each, member in vars(value).items():
            doc = inspect.getdoc(member)
            if each.startswith("_") or not doc or not (inspect.isroutine(member) or isinstance(member, property)):
                continue
            lines.append(f"### {name}.{each}{_signature(member)}\n\n{with_lists(doc)}")
    return lines


def _signature(value: object) -> str:
    if not callable(value):
        return ""
    try:
        return str(inspect.signature(value)).replace("stepwell.schemas.", "").replace("'", "")
    except (TypeError, ValueError):
        return ""
