"""For those who test with stepwell or extend it: scripted models, recorded traffic, a suite for providers."""

from .cassette import Cassette, NotRecorded
from .conformance import ConformanceError, Report, conformance
from .fake import FakeModel

__all__ = ["Cassette", "ConformanceError", "FakeModel", "NotRecorded", "Report", "conformance"]
