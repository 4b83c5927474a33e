"""The patterns that `redact` knows by name. Each takes time linear in the text: what repeats is bounded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from ...schemas.late_pattern import late_pattern

Find = Callable[[str], Iterator[tuple[int, int]]]
"""Yields the start and the end of each thing that it finds in a text."""


def search_of(pattern: re.Pattern[str], check: Callable[[str], int] = len) -> Find:
    """Make a Find of a pattern. `check` returns how many characters of a match count, 0 for none."""

    def find(text: str) -> Iterator[tuple[int, int]]:
        for match in pattern.finditer(text):
            if size := check(match[0]):
                yield match.start(), match.start() + size

    return find


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def _card(text: str) -> int:
    """Check a card number by its last digit (Luhn)."""
    digits = [int(each) for each in _digits(text)]
    doubled = [sum(divmod(2 * each, 10)) for each in digits[-2::-2]]
    return len(text) if sum(digits[-1::-2]) + sum(doubled) and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0 else 0


def _iban(text: str) -> int:
    """Check an IBAN by its two digits (ISO 13616); words in capitals that follow it are no part of it."""
    while len(plain := text.replace(" ", "")) >= 15:
        if len(plain) <= 34 and int("".join(str(int(each, 36)) for each in plain[4:] + plain[:4])) % 97 == 1:
            return len(text)
        if " " not in text:
            break
        text = text.rpartition(" ")[0]
    return 0


def _ip(text: str) -> int:
    from ipaddress import ip_address  # only for what looks like an address

    try:
        ip_address(text)
    except ValueError:
        return 0
    return len(text) if any(map(str.isdigit, text)) else 0


def _phone(text: str) -> int:
    """Check that a number is called by phone rather than counted: no date, no address, no bare number."""
    digits = len(_digits(text))
    if _DATE.search(text) or _ip(text) or not (7 if text[0] == "+" else 9) <= digits <= 15:
        return 0
    return len(text) if text[0] in "+0(" or len(_GROUP.findall(text)) >= 3 else 0


_DATE = late_pattern(r"(?:19|20)\d\d[-./]\d\d?[-./]\d\d?|\d\d?[-./]\d\d?[-./](?:19|20)\d\d")
_GROUP = late_pattern(r"\d+")
_EMAIL = late_pattern(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w-])")
_CARD = late_pattern(r"(?<![\d.-])\d(?:[ -]?\d){12,18}(?![\d])")
_IBAN = late_pattern(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])")
_IP = late_pattern(
    r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?!\.?\d)|(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])"
)
_PHONE = late_pattern(r"(?<![\w.+-])(?:\+|\()?\d{1,4}\)?(?:[ ./-]{0,2}\(?\d{1,5}\)?){1,6}(?![\w])")
_KEY = late_pattern(
    r"(?<![\w-])(?:sk-[\w-]{16,200}|gh[pousr]_\w{30,255}|github_pat_\w{22,255}|(?:AKIA|ASIA)[0-9A-Z]{16}"
    r"|AIza[\w-]{35}|xox[abeprs]-[\w-]{10,250}|glpat-[\w-]{20,100}|hf_\w{30,100}|[rs]k_(?:live|test)_\w{16,250}"
    r"|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,})(?![\w-])"
    r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:[^-]|-(?!----)){1,8000}-----END [A-Z ]{0,30}PRIVATE KEY-----"
)

PATTERNS: Mapping[str, Find] = {
    "key": search_of(_KEY),
    "email": search_of(_EMAIL),
    "iban": search_of(_IBAN, _iban),
    "card": search_of(_CARD, _card),
    "ip": search_of(_IP, _ip),
    "phone": search_of(_PHONE, _phone),
}
"""By name; of two that find the same, the first counts."""
