"""LINE_END: what ends a line in text that a model wrote."""

from __future__ import annotations

import re
from typing import Final

LINE_END: Final = re.compile(r"\r\n?|\n")
"""CR, LF or both. The others that str.splitlines knows stand in the middle of texts."""
