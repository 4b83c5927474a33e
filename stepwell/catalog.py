"""The model catalog: what each model can do and what it costs."""

from typing import TYPE_CHECKING

from .model_metadata.catalog import Catalog, models
from .schemas.model import Model
from .schemas.other_names import suggesting
from .schemas.prices import Prices


def _is_provider(id: str) -> bool:
    from .providers.declare.registry import REGISTRY  # only for a provider that the catalog does not list

    return REGISTRY.get(id) is not None


models.ask_for = _is_provider

__all__ = [
    "Catalog",
    "Model",
    "Prices",
    "models",
]


if not TYPE_CHECKING:  # for a type checker, any name would then exist
    __getattr__ = suggesting(__name__)
