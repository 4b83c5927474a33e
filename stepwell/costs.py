"""The cost of calls: usage, prices and reports."""

from .pipeline.steps.budget import Budget
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
