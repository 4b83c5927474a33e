"""The model catalog: what each model can do and what it costs."""

from .model_metadata.catalog import Catalog, models
from .schemas.model import Model
from .schemas.prices import Prices

__all__ = [
    "Catalog",
    "Model",
    "Prices",
    "models",
]
