"""Tools that a provider runs itself: from one name and settings to each provider's own declaration, as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from attrs import frozen

from ...schemas.secret import Secret
from ...schemas.server_tools import asked
from ...schemas.tool import Tool

Place = str | tuple[str, Callable[[Any], object]]
Places = Place | list[Place]


@frozen
class ServerTool:
    """How one provider declares one kind of tool over one wire."""

    declaration: Mapping[str, Any]
    """what stands among the tools"""
    settings: Mapping[str, Places] = {}
    """where a setting goes in it: the path of a field (`filters.allowed_domains`), that and a function of the value, or
    several of these; a path that begins with a `/` leads into an object of its own, see `beside`"""
    beside: str = ""
    """the option that holds a list of such objects, for declarations that are divided (MCP servers)"""
    beside_declaration: Mapping[str, Any] = {}
    """what such an object holds in any case"""
    models: tuple[str, ...] = ("*",)
    """the patterns of the ids of the models that take this form, at a provider where others refuse it"""
    otherwise: ServerTool | None = None
    """the form for other models; None if they have no such tool"""
    include: tuple[str, ...] = ()
    """what the option `include` has to name for the results to be in the answer"""

    def form_for(self, model: str) -> ServerTool | None:
        """Return the form that a model takes, by its id; None if it runs no such tool."""
        if any(fnmatchcase(model, pattern) for pattern in self.models):
            return self
        return None if self.otherwise is None else self.otherwise.form_for(model)

    def made(self, settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
        """Return the declaration, the object beside it, and the names of the settings that have no place."""
        tool, beside = _copied(self.declaration), _copied(self.beside_declaration)
        lost = []
        for name, value in settings.items():
            places = self.settings.get(name, [])
            if not places:
                lost.append(name)
            value = value.reveal() if isinstance(value, Secret) else value
            for place in places if isinstance(places, list) else [places]:
                path, convert = (place, None) if isinstance(place, str) else place
                put = value if convert is None else convert(value)
                _put(beside if path.startswith("/") else tool, path.lstrip("/").split("."), put)
        return tool, beside, lost


ServerTools = Mapping[str, ServerTool]


def _copied(declaration: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _copied(value) if isinstance(value, Mapping) else value for name, value in declaration.items()}


def _put(into: dict[str, Any], path: list[str], value: object) -> None:
    """Set the field at a path; an object is merged into one that is there."""
    for name in path[:-1]:
        into = into.setdefault(name, {})
    if isinstance(value, Mapping) and isinstance(known := into.get(path[-1]), dict):
        known.update(value)
    else:
        into[path[-1]] = value


def kinds_asked(tools: object) -> list[str]:
    """Return the kinds of the server tools among the tools of a call, which are not checked yet."""
    wanted = (asked(tool) for tool in tools if isinstance(tool, Tool)) if isinstance(tools, list | tuple) else ()
    return [each[0] for each in wanted if each is not None]
