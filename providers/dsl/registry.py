"""Finding providers by id: registered, declared in this package, plugins by entry point, rows of the catalog."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

from ...schemas.errors import UnknownProvider
from ...schemas.options import nearest
from .from_catalog import catalog_ids, from_catalog
from .provider import Provider, canonical

ENTRY_POINTS = "stepwell.providers"
_HOME = Path(__file__).resolve().parent.parent
_PACKAGE = __name__.rpartition(".dsl.")[0]


class Registry:
    """Providers by id. Built-ins are files of this package, imported when first asked for; hyphens and underscores
    are the same in an id. A plugin that fails to import is kept in `broken`, with its error, and skipped.
    """

    def __init__(self) -> None:
        self._known: dict[str, Provider] = {}
        self._removed: set[str] = set()
        self._plugins: dict[str, object] | None = None
        self.broken: dict[str, Exception] = {}
        self.version = 0
        """Counts what was registered and unregistered, for those who keep what they looked up."""

    def get(self, id: str) -> Provider | None:
        """The provider, or None."""
        id = canonical(id)
        if id in self._known:
            return self._known[id]
        if id in self._removed:
            return None
        provider = _built_in(id) or self._plugin(id) or from_catalog(id)
        if provider is not None:
            self._known[id] = provider
        return provider

    def get_or_raise(self, id: str) -> Provider:
        """The provider. Raises UnknownProvider, with the nearest known id."""
        provider = self.get(id)
        if provider is None:
            raise UnknownProvider(f"no provider named {id!r}", hint=self.nearest(id))
        return provider

    def knows(self, id: str) -> bool:
        """Whether there is such a provider, without loading it."""
        id = canonical(id)
        if id in self._known or id in self._removed:
            return id in self._known
        return _home_of(id) is not None or id in catalog_ids() or id in self._entry_points()

    def nearest(self, id: str) -> str:
        """A hint with the known id that is closest to this one."""
        return nearest(canonical(id), self.ids())

    def register(self, provider: Provider) -> Provider:
        """Add a provider, or put it in the place of another of the same id."""
        self.version += 1
        self._removed.discard(canonical(provider.id))
        self._known[canonical(provider.id)] = provider
        return provider

    def unregister(self, id: str) -> None:
        """Forget a provider, a built-in one too."""
        self.version += 1
        self._known.pop(canonical(id), None)
        self._removed.add(canonical(id))

    def ids(self) -> list[str]:
        """All known ids, sorted: built-in, plugins, registered, and those of the catalog whose wire we speak."""
        names = {*_built_in_ids(), *self._entry_points(), *self._known, *catalog_ids()} - self._removed
        return sorted(names)

    def __iter__(self) -> Iterator[Provider]:
        return (provider for id in self.ids() if (provider := self.get(id)) is not None)

    def _plugin(self, id: str) -> Provider | None:
        entry = self._entry_points().get(id)
        if entry is None:
            return None
        try:
            provider = entry.load()  # type: ignore[attr-defined]
            if not isinstance(provider, Provider):
                raise TypeError(f"the entry point gives a {type(provider).__name__}, not a Provider")
        except Exception as error:
            self.broken[id] = error
            return None
        return provider

    def _entry_points(self) -> dict[str, object]:
        if self._plugins is None:
            from importlib.metadata import entry_points  # reads every installed distribution: only when asked

            self._plugins = {canonical(entry.name): entry for entry in entry_points(group=ENTRY_POINTS)}
        return self._plugins


def _built_in_ids() -> list[str]:
    files = (path.stem for path in _HOME.glob("*.py") if path.stem != "__init__")
    return [*files, *(path.parent.name for path in _HOME.glob("*/provider.py") if path.parent.name != "dsl")]


def _built_in(id: str) -> Provider | None:
    """A provider of this package: the file of its name, or `provider.py` in the folder of its name."""
    module = _home_of(id)
    if module is None:
        return None
    provider: Provider = getattr(importlib.import_module(f"{_PACKAGE}.{module}"), id)
    return provider


def _home_of(id: str) -> str | None:
    """The module of this package that declares the provider."""
    if not id.isidentifier() or id == "dsl":
        return None
    places = ((f"{id}.py", id), (f"{id}/provider.py", f"{id}.provider"))
    return next((module for place, module in places if (_HOME / place).exists()), None)


REGISTRY = Registry()
"""The one that clients use unless they are given another."""
