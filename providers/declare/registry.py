"""Finding providers by id: registered, declared in this package, plugins by entry point, rows of the catalog."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from ...schemas.errors import UnknownProvider
from ...schemas.nearest import nearest
from .. import BUILT_IN, __path__
from .from_catalog import catalog_ids, from_catalog
from .packaged import PACKAGE, load
from .provider import Provider, canonical

ENTRY_POINTS = "stepwell.providers"


class Registry:
    """Providers by id. Built-ins are modules of this package, imported when first asked for; hyphens and underscores
    are the same in an id. A plugin that fails to import is kept in `broken`, with its error, and skipped. Nothing takes
    the place of a built-in or plugin that cannot be imported.
    """

    def __init__(self) -> None:
        self._known: dict[str, Provider] = {}
        self._removed: set[str] = set()
        self._plugins: dict[str, object] | None = None
        self.broken: dict[str, Exception] = {}
        self.version = 0
        """Counts what was registered and unregistered, for those who keep what they looked up."""

    def get(self, id: str) -> Provider | None:
        """The provider, or None. Raises ConfigError for one of this package whose module cannot be imported."""
        id = canonical(id)
        if id in self._known:
            return self._known[id]
        if id in self._removed:
            return None
        provider = _built_in(id) or self._plugin(id) or (None if id in self.broken else from_catalog(id))
        if provider is not None:
            self._known[id] = provider
        return provider

    def get_or_raise(self, id: str) -> Provider:
        """The provider. Raises UnknownProvider, with the nearest known id or what is wrong with the plugin, and
        ConfigError as `get` does."""
        provider = self.get(id)
        if provider is None and (broken := self.broken.get(canonical(id))) is not None:
            raise UnknownProvider(
                f"the plugin for provider {id!r} cannot be loaded: {type(broken).__name__}: {broken}",
                hint="repair the package that brings it, or uninstall it",
            ) from broken
        if provider is None:
            raise UnknownProvider(f"no provider named {id!r}", hint=self.nearest(id))
        return provider

    def knows(self, id: str) -> bool:
        """Whether there is such a provider, without loading it."""
        id = canonical(id)
        if id in self._known or id in self._removed:
            return id in self._known
        return _module_of(id) is not None or id in catalog_ids() or id in self._entry_points()

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


def _built_in_ids() -> set[str]:
    import pkgutil  # only to list them all

    return {*BUILT_IN, *(found.name for found in pkgutil.iter_modules(__path__) if _module_of(found.name))}


def _built_in(id: str) -> Provider | None:
    """A provider of this package: what the module of its name calls by that name."""
    module = _module_of(id)
    if module is None:
        return None
    provider: Provider = load(module, id, f"provider {id!r}")
    return provider


def _module_of(id: str) -> str | None:
    """The module that declares a provider of this package, `<id>` or `<id>.provider`, by what Python can import: in an
    archive or compiled alone there are no files to look for."""
    if id == "declare" or not id.isidentifier():
        return None
    found = find_spec(f"{PACKAGE}.{id}")
    if found is None:
        return id if id in BUILT_IN else None
    if found.submodule_search_locations is None:
        return id
    inner = f"{id}.provider"
    return inner if id in BUILT_IN or find_spec(f"{PACKAGE}.{inner}") else None


REGISTRY = Registry()
"""The one that clients use unless they are given another."""
