"""Stepwell inside other frameworks. Each needs an extra of its own, and is imported by its own name only."""

from typing import TYPE_CHECKING

from ..schemas.other_names import suggesting

if not TYPE_CHECKING:  # for a type checker, any name would then exist
    __getattr__ = suggesting(__name__)
