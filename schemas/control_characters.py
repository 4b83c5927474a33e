"""Make control characters visible: in a terminal they move the cursor, rewrite the title, fill the clipboard."""

from __future__ import annotations

_TABLE = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"}
_TABLE[ord("\r")] = ""


def visible(text: str) -> str:
    r"""Return text with its control characters as escapes like `\x1b`, and without carriage returns.

    Those are the codes below 32, 127, and 128 to 159 (ECMA-48's C0 and C1). Tabs and line ends stay.
    """
    return text if text.isprintable() else text.translate(_TABLE)
