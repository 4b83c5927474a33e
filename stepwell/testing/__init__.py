"""For those who test with stepwell or extend it: scripted models, and a suite that any provider must pass."""

from .conformance import ConformanceError, Report, conformance
from .fake import FakeModel

__all__ = ["ConformanceError", "FakeModel", "Report", "conformance"]
