"""The cost of calls: usage, prices and reports."""

from typing import TYPE_CHECKING

from .pipeline.steps.budget import Budget
from .schemas.other_names import suggesting
from .schemas.prices import Cost
from .schemas.usage import Usage
from .spending import CostReport, cost_report

__all__ = [
    "Budget",
    "Cost",
    "CostReport",
    "Usage",
    "cost_report",
]


if not TYPE_CHECKING:  # for a type checker, any name would then exist
    __getattr__ = suggesting(__name__)
