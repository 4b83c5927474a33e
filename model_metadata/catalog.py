"""Look models up by name, by other spellings, and by capability.

Nothing is read at import. The first lookup of a provider's model reads the provider's file; later ones are dict
lookups. Changes replace the data and never alter it, so readers need no lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from decimal import Decimal
from typing import Any

from attrs import evolve

from ..schemas.errors import ConfigError, InvalidOption, UnknownModel
from ..schemas.foreign_names import Hinted
from ..schemas.memo import Memo
from ..schemas.model import Model, split_name
from ..schemas.process_lock import ProcessLock
from ..schemas.undo import Undo
from .checks import STABLE, check_text, checked_row, checked_status, dollars, unlisted, why_unlisted, words
from .files import FOLDER, catalog_folder, json_files, read_json, read_models
from .ids import ANY, NORMALIZERS, Normalizer
from .patches import Patch, read_patches
from .provider_ids import canonical, listed_as
from .provider_models import ProviderModels, ProviderRow, provider_file
from .rows import Row, as_row, model_of

_REMEMBERED = 20_000


class Catalog(Hinted, hints="catalog"):
    """The models of all providers, which users can extend."""

    def __init__(self, folder: str | None = FOLDER) -> None:
        """Make a catalog.

        folder: where to read it from. It holds `index.json`, `data/<provider>.json`, `own/*.json` (whole providers
            that models.dev does not list) and `patches/*.json`. None makes an empty catalog.
        """
        self.version = 0
        """The number of changes by add, patch and load so far, for code that caches lookups."""
        self.ask_for: Callable[[str], bool] | None = None
        """Called with the id of a provider that is not listed: it may add models, and returns whether there is such a
        provider."""
        self._folder = folder
        self._lock = ProcessLock()
        self._by_provider: dict[str, ProviderModels] = {}
        self._base: dict[str, ProviderModels] = {}
        """Whole providers that are not in the folder's data, before patches."""
        self._index: dict[str, ProviderRow] | None = None
        self._patches: list[Patch] = []
        self._as_of: str | None = None
        self._source: str | None = None
        self._found = Memo[tuple[str, object], Model | None](_REMEMBERED)

    def get(self, name: str, *, normalize: Iterable[Normalizer] | None = None) -> Model:
        """Return the model of a name; one with `known=False` if the catalog does not have it.

        name: "provider:model-id".
        normalize: how the id may be shortened if it is not listed as it is; by default as `ids.NORMALIZERS` says.

        The model has the id as given; `facts["listed_as"]` is the id of its row. One that is not listed has in
        `facts["unlisted"]` which of the provider's models may be meant. Raises UnknownModel for a name of another form.
        """
        return self.find_exact(name, normalize=normalize) or self._unlisted(name)

    def _unlisted(self, name: str) -> Model:
        found, key = self._found, (name, "unlisted")
        model = found.get(key)
        if model is None:
            provider, id = split_name(name)
            listed = self.ids(provider)
            model = Model(provider, id, facts={"unlisted": why_unlisted(id, provider, listed)} if listed else {})
            found.put(key, model)
        return model

    def find_exact(self, name: str, *, normalize: Iterable[Normalizer] | None = None) -> Model | None:
        """Return the model as `get` does, or None if it is not listed; `normalize=()` accepts no other spelling."""
        steps = None if normalize is None else tuple(normalize)
        found = self._found  # a change replaces this dict, so that a late write cannot bring back an outdated model
        key = (name, steps)
        try:
            return found[key]
        except KeyError:
            model = self._look_up(*split_name(name), steps)
        return found.put(key, model)

    def find(
        self,
        provider: str | None = None,
        *,
        reasoning: bool | None = None,
        tools: bool | None = None,
        structured_output: bool | None = None,
        input: str | Iterable[str] | None = None,
        output: str | Iterable[str] | None = None,
        context_at_least: int | None = None,
        max_input_price: Decimal | float | str | None = None,
        max_output_price: Decimal | float | str | None = None,
        status: str | None = None,
        text: str | None = None,
    ) -> list[Model]:
        """Return the models that fit all conditions, sorted by provider and id. None means any.

        provider: the provider's id.
        reasoning: whether the model reasons.
        tools: whether it can call tools.
        structured_output: whether it can follow a JSON Schema.
        input: modalities that it must read, all of them.
        output: modalities that it must write, all of them.
        context_at_least: the smallest context window, in tokens.
        max_input_price: the highest price of input, in dollars per million tokens. Models without a known price do not
            fit.
        max_output_price: the highest price of output.
        status: alpha, beta, deprecated, or stable for none of these.
        text: words that its id, name or family must contain.

        Raises UnknownProvider for a provider that is not listed, and InvalidOption for a term that no model can
        fit.
        """
        flags = {"reasoning": reasoning, "tools": tools, "structured_output": structured_output}
        reads, writes = words(input, "input"), words(output, "output")
        cheap_in, cheap_out = dollars(max_input_price, "max_input_price"), dollars(max_output_price, "max_output_price")
        status = checked_status(status)
        check_text(provider, "provider")
        check_text(text, "text")
        if not isinstance(context_at_least, int | float | None):
            raise InvalidOption(f"context_at_least cannot be {context_at_least!r:.40}", hint="a number of tokens")
        parts = (text or "").lower().split()

        def fits(model: Model) -> bool:
            return (
                all(value is None or getattr(model, name) is value for name, value in flags.items())
                and reads <= model.input
                and writes <= model.output
                and (context_at_least is None or (model.context_window or 0) >= context_at_least)
                and _costs_at_most(model, "input", cheap_in)
                and _costs_at_most(model, "output", cheap_out)
                and (status is None or (model.status or STABLE) == status)
                and all(part in f"{model.id} {model.name} {model.family}".lower() for part in parts)
            )

        return [model for model in self._models(provider) if fits(model)]

    def ids(self, provider: str) -> list[str]:
        """Return the ids of a provider's models; none for a provider that is not listed."""
        provider_models = self._models_of(self._row_id(provider))
        return sorted(provider_models.rows) if provider_models is not None else []

    def providers(self) -> list[ProviderRow]:
        """List all providers, sorted by id. Reads only the index."""
        return [row for _, row in sorted(self._read_index().items())]

    def provider(self, id: str) -> ProviderRow | None:
        """Return the row of a provider, by any of its names; see provider_ids. None if it is not listed."""
        index = self._read_index()
        return index.get(id) or index.get(listed_as(id))

    def add(self, model: Model | Row) -> Undo:
        """Add a model of your own, which replaces any of that name.

        model: a Model, or a row with "provider" and "id", which may use the names of Model's fields: `add({"provider":
            "acme", "id": "m-1", "context_window": 8192, "tools": True, "prices": {"input": "0.5", "output": 1}})`.

        It ends with `undo()` on the result, or at the end of a `with` block. Raises ConfigError for a row that
        cannot be used.
        """
        row, provider, id = (model, model.provider, model.id) if isinstance(model, Model) else _read_user_row(model)
        return self._apply(Patch(self._listed_as(provider) or provider, put={id: row}))

    def add_models(self, provider: str, rows: Mapping[str, Row]) -> Undo:
        """Add the models of one provider, as `add` does.

        provider: its id.
        rows: the facts of each model, by its id.
        """
        checked = {id: checked_row(as_row(row), f"{provider}:{id}") for id, row in rows.items()}
        return self._apply(Patch(self._listed_as(provider) or canonical(provider), put=checked))

    def patch(self, pattern: str, changes: Row) -> Undo:
        """Change all models that match a pattern, including those of providers that are read later.

        pattern: "provider:model-id", both of which may hold `*`, `?` and `[...]`.
        changes: the new values, by the names of row or Model fields. Objects are merged; None removes a key.

        It ends with `undo()` on the result, or at the end of a `with` block. Raises ConfigError for an invalid
        value, UnknownProvider and UnknownModel for a pattern that matches nothing.
        """
        provider, models = split_name(pattern)
        return self._apply(self._checked_patch(Patch(provider, (models,), set=as_row(changes)), pattern))

    def load(self, path: str) -> Undo:
        """Read a patch file, or a provider file: {"id": "acme", "api": ..., "models": {id: row}}.

        If any of it cannot be used, nothing changes. Raises as `patch` does.
        """
        content = read_json(path)
        if isinstance(content, dict) and "models" in content and "id" in content:
            return self._load_provider(content)
        with ExitStack() as changes:  # undone if one of them fails
            for patch in read_patches(content, where=path):
                changes.callback(self._apply(self._checked_patch(patch, f"{path}, {patch.provider}")).undo)
            return Undo(changes.pop_all().close)

    def _load_provider(self, content: Mapping[str, Any]) -> Undo:
        row, provider_models = provider_file(content)
        with self._lock:
            before = self._read_index().get(row.id), self._base.get(row.id)
            self._set_provider(row.id, row, provider_models)
        return Undo(lambda: self._set_provider(row.id, *before))

    def _set_provider(self, id: str, row: ProviderRow | None, base: ProviderModels | None) -> None:
        """Set the row and the models of a provider; None stands for those of the folder, if any."""
        with self._lock:
            index = {key: each for key, each in self._read_index().items() if key != id}
            bases = {key: each for key, each in self._base.items() if key != id}
            self._index = index if row is None else {**index, id: row}
            self._base = bases if base is None else {**bases, id: base}
            self._rebuild(id)

    def _checked_patch(self, patch: Patch, where: str) -> Patch:
        """Return a patch that a person wrote after checking that its rows are valid and that it matches something."""
        rows = {id: checked_row(row, where) for id, row in patch.add.items()}
        listed = self._listed_as(patch.provider)
        if listed is None and not any(map(patch.touches, self._ids())):
            raise unlisted(patch.provider, self._ids())
        provider_models = self._models_of(listed) if listed else None
        missed = patch.misses(provider_models.rows) if provider_models else None
        if missed is not None:
            raise UnknownModel(f"no model of {listed} matches {missed!r}", hint="use add() to list a new one")
        return evolve(patch, provider=listed or patch.provider, set=checked_row(patch.set, where), add=rows)

    def _apply(self, patch: Patch) -> Undo:
        with self._lock:
            # Read a provider that is named now, so that an error in the patch is raised now.
            named = self._listed_as(patch.provider) or (patch.provider if patch.put else None)
            ids = [*filter(patch.touches, self._by_provider), *([named] if named else [])]
            known = self._by_provider.get(named or "")
            if known is not None and patch.only_adds_to(known.rows):
                known.extend(patch.provider, patch.put)
                self._patch_list().append(patch)
                self._put({})
                return Undo(lambda: self._undo_patch(patch))
            by_provider = {id: self._models_of(id) or ProviderModels({}) for id in ids}
            changed = {id: provider_models.patched([patch]) for id, provider_models in by_provider.items()}
            for id, provider_models in changed.items():
                provider_models.check(id, by_provider[id])
            self._patch_list().append(patch)
            self._put(changed)
        return Undo(lambda: self._undo_patch(patch))

    def _undo_patch(self, patch: Patch) -> None:
        with self._lock:
            self._patches = [each for each in self._patches if each is not patch]
            for id in list(filter(patch.touches, self._by_provider)):
                self._rebuild(id)

    def _rebuild(self, id: str) -> None:
        """Read the rows of a provider again and apply the patches that are in force."""
        self._by_provider = {key: provider_models for key, provider_models in self._by_provider.items() if key != id}
        self._models_of(id)
        self._put({})

    def _put(self, by_provider: Mapping[str, ProviderModels]) -> None:
        self._by_provider = {**self._by_provider, **by_provider}
        self._found = Memo(_REMEMBERED)
        self.version += 1

    def _ids(self) -> set[str]:
        """Return the ids of the providers with a row or a model."""
        return {*self._read_index(), *self._base, *self._by_provider}

    def _listed_as(self, provider: str) -> str | None:
        """Return the id under which a provider is listed, with hyphens for underscores; None if it is not listed."""
        id = self._row_id(provider)
        return id if id in self._ids() else None

    def _row_id(self, provider: str) -> str:
        row = self.provider(provider)
        return row.id if row else provider

    def _look_up(self, provider: str, id: str, steps: tuple[Normalizer, ...] | None) -> Model | None:
        listed_under = self._row_id(provider)
        provider_models = self._models_of(listed_under)
        if provider_models is None and self._is_offered(provider):
            listed_under = canonical(provider)  # as add_models lists it
            provider_models = self._models_of(listed_under)
        if provider_models is None:
            return None
        steps = NORMALIZERS.get(listed_under, ANY) if steps is None else steps
        found = (id, True) if id in provider_models.rows else provider_models.spellings.find(id, steps)
        if found is None:
            return None
        return _renamed(self._model(listed_under, provider_models, found[0]), provider, id, same_price=found[1])

    def _models(self, provider: str | None) -> Iterator[Model]:
        listed = None if provider is None else self._listed_as(provider)
        if provider is not None and listed is None:
            if not self._is_offered(provider):
                raise unlisted(provider, self._ids())
            listed = self._listed_as(provider) or canonical(provider)
        for id in sorted(self._ids()) if listed is None else [listed]:
            provider_models = self._models_of(id)
            if provider_models is not None:
                for name in sorted(provider_models.rows):
                    yield self._model(id, provider_models, name)

    def _is_offered(self, provider: str) -> bool:
        """Check whether `ask_for` knows a provider of this id, which may add its models."""
        return self.ask_for is not None and self.ask_for(provider)

    def _model(self, provider: str, provider_models: ProviderModels, id: str) -> Model:
        if id not in provider_models.models:
            row = provider_models.rows[id]
            if not isinstance(row, Model):
                row = model_of(provider, id, row, as_of=provider_models.as_of, source=provider_models.source)
            provider_models.models.setdefault(id, row)
        return provider_models.models[id]

    def _models_of(self, provider: str) -> ProviderModels | None:
        provider_models = self._by_provider.get(provider)
        if provider_models is None:
            with self._lock:
                provider_models = self._by_provider.get(provider) or self._read_models(provider)
        return provider_models

    def _read_models(self, provider: str) -> ProviderModels | None:
        base = self._base.get(provider)
        if base is None and provider in self._read_index():
            rows = read_models(catalog_folder(self._folder or "") / "data" / f"{provider}.json")
            base = ProviderModels(rows, self._as_of, self._source)
        patches = [patch for patch in self._patch_list() if patch.touches(provider)]
        if base is None and not any(patch.put for patch in patches):
            return None
        provider_models = (base or ProviderModels({})).patched(patches)
        self._by_provider = {**self._by_provider, provider: provider_models}
        return provider_models

    def _patch_list(self) -> list[Patch]:
        self._read_index()
        return self._patches

    def _read_index(self) -> dict[str, ProviderRow]:
        if self._index is None:
            with self._lock:
                if self._index is None:
                    self._index = self._load_folder()
        return self._index

    def _load_folder(self) -> dict[str, ProviderRow]:
        if self._folder is None:
            return {}
        folder = catalog_folder(self._folder)
        index = read_json(folder / "index.json")
        self._as_of, self._source = index["as_of"], index["source"]
        for path in json_files(folder / "patches"):
            self._patches += read_patches(read_json(path), where=path.name)
        listed = {row["id"]: ProviderRow(**{**row, "env": tuple(row["env"])}) for row in index["providers"]}
        # These get no provider row: they have declarations of their own, which say more.
        for path in json_files(folder / "own"):
            row, provider_models = provider_file(read_json(path))
            self._base[row.id] = provider_models
        return listed


def _renamed(model: Model, provider: str, id: str, *, same_price: bool) -> Model:
    """Return the model under the names that the caller used.

    model: the model as listed.
    provider, id: the names.
    same_price: False if the model of this id has prices of its own.
    """
    if model.provider == provider and model.id == id:
        return model
    facts = model.facts if model.id == id else {**model.facts, "listed_as": model.id}
    return evolve(model, provider=provider, id=id, facts=facts, prices=model.prices if same_price else None)


def _read_user_row(data: Row) -> tuple[Row, str, str]:
    row = as_row(data)
    provider, id = row.pop("provider", None), row.pop("id", None)
    if not (isinstance(provider, str) and provider and isinstance(id, str) and id):
        hint = '{"provider": "acme", "id": "model-1", ...}'
        raise ConfigError('a row to add needs a "provider" and an "id"', hint=hint)
    return checked_row(row, f"{provider}:{id}"), provider, id


def _costs_at_most(model: Model, bucket: str, limit: Decimal | None) -> bool:
    price = getattr(model.prices, bucket, None)
    return limit is None or (price is not None and price <= limit)


CATALOG = Catalog()
"""The catalog of every client without one of its own. Public as `stepwell.models`."""
models = CATALOG
