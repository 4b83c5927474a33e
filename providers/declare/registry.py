"""Find providers by id: registered ones, those of this package, plugins by entry point, rows of the catalog."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from itertools import chain, count
from typing import TYPE_CHECKING

from ...model_metadata.catalog import CATALOG, Catalog
from ...model_metadata.provider_ids import FOREIGN_IDS, canonical
from ...schemas.errors import ConfigError, UnknownProvider
from ...schemas.foreign_names import PROVIDERS
from ...schemas.nearest import misspelt, nearest
from ...schemas.undo import Undo
from .. import BUILT_IN, __path__
from .from_catalog import catalog_ids, from_catalog, is_in_catalog, load
from .provider import Provider
from .rule_tables import PACKAGE

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINTS = "stepwell.providers"
NEEDS_REGISTER = "one of your own needs stepwell.register(...) first"
"""In the hint of UnknownProvider. The command line puts in its place what a shell can do."""


class Registry:
    """Providers by id. Hyphens and underscores are the same in an id.

    Built-ins are modules of this package, imported when first needed. A plugin that cannot be imported is skipped, and
    its error is kept in `broken`; a row of the catalog does not replace it.
    """

    def __init__(self, catalog: Catalog | None = None) -> None:
        """Make a registry. `catalog` receives the model facts of the declarations; None for no catalog."""
        self._catalog = catalog
        self._listed: dict[str, Undo] = {}
        self._known: dict[str, Provider] = {}
        self._removed: set[str] = set()
        self._plugins: dict[str, EntryPoint] | None = None
        self.broken: dict[str, Exception] = {}
        self.version = 0
        """The number of changes so far: a cache of look-ups is stale when it has grown."""

    def get(self, id: str) -> Provider | None:
        """Return the provider, or None. Raises ConfigError for one of this package whose module cannot be imported."""
        id = canonical(id)
        if id in self._known:
            return self._known[id]
        if id in self._removed:
            return None
        provider = _built_in(id) or self._plugin(id) or (None if id in self.broken else from_catalog(id))
        if provider is not None:
            self._put(id, provider)
        return provider

    def get_or_raise(self, id: str) -> Provider:
        """Return the provider.

        Raises UnknownProvider, with the nearest known id or the error of the plugin, and ConfigError as `get` does.
        """
        provider = self.get(id)
        if provider is None and canonical(id) in self.broken:
            raise self.plugin_error(id) from self.broken[canonical(id)]
        if provider is None:
            hint = self.nearest(id)
            if misspelt(canonical(id), {*self.ids(), *FOREIGN_IDS}) is None and canonical(id) not in PROVIDERS:
                hint = f"{NEEDS_REGISTER}; {hint}, and `stepwell providers` lists them"
            raise UnknownProvider(f"no provider named {id!r}", hint=hint)
        return provider

    def plugin_error(self, id: str) -> UnknownProvider:
        """Return the error for a plugin in `broken`: which it is, and why it cannot be loaded."""
        entry, why = self._entry_points()[canonical(id)], self.broken[canonical(id)]
        return UnknownProvider(
            f"the plugin for provider {id!r}, {entry.value}, cannot be loaded: {type(why).__name__}: {why}",
            hint=f"repair or uninstall {entry.dist.name if entry.dist else 'its package'}",
        )

    def knows(self, id: str) -> bool:
        """Check whether there is such a provider, without loading it."""
        id = canonical(id)
        if id in self._known or id in self._removed:
            return id in self._known
        return _module_of(id) is not None or is_in_catalog(id) or id in self._entry_points()

    def free_id(self, id: str) -> str:
        """Return an id that no provider has: this one, or with a number at its end."""
        ids = chain((id,), (f"{id}_{number}" for number in count(2)))
        return next(free for free in ids if not self.knows(free))

    def nearest(self, id: str) -> str:
        """Return a hint with the known id that is nearest to this one."""
        if (hint := PROVIDERS.get(canonical(id))) is not None:
            return hint
        own = FOREIGN_IDS.get(canonical(id))
        return nearest(canonical(id), self.ids()) if own is None else f"did you mean {own!r}?"

    def register(self, provider: Provider) -> Provider:
        """Add a provider, which replaces another of the same id without a warning; see `stepwell.register`.

        Raises ConfigError for what is none.
        """
        if not isinstance(provider, Provider):
            hint = "pass what declare_provider(...) or stepwell.provider(id) returns"
            if isinstance(getattr(provider, "provider", None), Provider):  # as a CustomLLM has one
                hint = "pass its .provider"
            raise ConfigError(f"a {type(provider).__name__} is not a provider", hint=hint)
        self.version += 1
        self._removed.discard(canonical(provider.id))
        self._put(canonical(provider.id), provider)
        return provider

    def unregister(self, id: str) -> None:
        """Remove a provider, also a built-in one. Raises UnknownProvider if there is none of this id."""
        if not self.knows(id):
            raise UnknownProvider(f"no provider named {id!r}", hint=self.nearest(id))
        self.version += 1
        id = canonical(id)
        self._removed.add(id)
        self._known.pop(id, None)
        if id in self._listed:
            self._listed.pop(id).undo()

    def _put(self, id: str, provider: Provider) -> None:
        self._known[id] = provider
        if id in self._listed:
            self._listed.pop(id).undo()
        if self._catalog is not None and provider.model_facts:
            self._listed[id] = self._catalog.add_models(provider.id, provider.model_facts)

    def ids(self) -> list[str]:
        """Return all known ids, sorted: built-in, plugins, registered, and those of the catalog with a known wire."""
        return sorted({*_built_in_ids(), *self._entry_points(), *self._known, *catalog_ids()} - self._removed)

    def __iter__(self) -> Iterator[Provider]:
        return (provider for id in self.ids() if (provider := self.get(id)) is not None)

    def _plugin(self, id: str) -> Provider | None:
        entry = self._entry_points().get(id)
        if entry is None:
            return None
        try:
            provider = entry.load()
            if not isinstance(provider, Provider):
                raise TypeError(f"the entry point gives a {type(provider).__name__}, not a Provider")
            if canonical(provider.id) != id:
                raise ValueError(f"the provider of the entry point is called {provider.id!r}")
        except Exception as error:
            self.broken[id] = error
            return None
        return provider

    def _entry_points(self) -> dict[str, EntryPoint]:
        if self._plugins is None:
            from importlib.metadata import entry_points  # reads every installed distribution, so only when needed

            self._plugins = {canonical(entry.name): entry for entry in entry_points(group=ENTRY_POINTS)}
        return self._plugins


def _built_in_ids() -> set[str]:
    import pkgutil  # only to list them all

    return {*BUILT_IN, *(found.name for found in pkgutil.iter_modules(__path__) if _module_of(found.name))}


def _built_in(id: str) -> Provider | None:
    """Return a provider of this package: the object with the name of its module."""
    module = _module_of(id)
    if module is None:
        return None
    provider: Provider = load(module, id, f"provider {id!r}")
    return provider


def _module_of(id: str) -> str | None:
    """Return the module that declares a provider of this package, `<id>` or `<id>.provider`, if it can be imported.

    Files are not looked for: an archive or a compiled package has none.
    """
    if id == "declare" or not id.isidentifier():
        return None
    found = find_spec(f"{PACKAGE}.{id}")
    if found is None:
        return id if id in BUILT_IN else None
    if found.submodule_search_locations is None:
        return id
    inner = f"{id}.provider"
    return inner if id in BUILT_IN or find_spec(f"{PACKAGE}.{inner}") else None


REGISTRY = Registry(CATALOG)
"""The registry of clients without a `registry=`."""
