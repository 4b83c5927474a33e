"""The model catalog: what each model can do and what it costs."""

from .catalog import CATALOG, Catalog
from .provider_models import ProviderRow

__all__ = ["CATALOG", "Catalog", "ProviderRow"]
