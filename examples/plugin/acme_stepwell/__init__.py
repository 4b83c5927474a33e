"""Acme's models for stepwell, and a step that masks e-mail addresses."""

from .provider import acme
from .steps import mask_emails

__all__ = ["acme", "mask_emails"]
