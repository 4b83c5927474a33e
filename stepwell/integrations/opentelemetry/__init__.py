"""Spans and metrics for OpenTelemetry, by its conventions for generative AI. Needs the extra `otel`.

from stepwell.integrations.opentelemetry import Telemetry
client = stepwell.Client(pipeline=Telemetry())
"""

from __future__ import annotations

from ..common import missing

try:
    from .telemetry import Telemetry
except ImportError as error:
    raise missing(error, "opentelemetry", "otel") from None

__all__ = ["Telemetry"]
