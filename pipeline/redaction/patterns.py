"""The patterns that `redact` knows by name. Each takes time linear in the text.

Borders are those of ASCII words, since Chinese, Japanese and Thai have no spaces around an address. What is not certain
to be part of an original is hidden with it rather than left.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

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


def search_of_words(words: Iterable[str]) -> Find:
    """Make a Find of texts, each in both forms in which Unicode writes letters with accents."""
    from unicodedata import normalize  # only for texts that the caller names

    forms = {form for word in words for form in (word, normalize("NFC", word), normalize("NFD", word))}

    def find(text: str) -> Iterator[tuple[int, int]]:
        for word in forms:
            at = text.find(word)
            while at >= 0:
                yield at, at + len(word)
                at = text.find(word, at + len(word))

    return find


def _emails(text: str) -> Iterator[tuple[int, int]]:
    """Find addresses by their @: what is before it has no bound, and belongs to one address only."""
    end = 0
    for match in _DOMAIN.finditer(text):
        start = match.start()
        while start > end and (text[start - 1].isalnum() or text[start - 1] in "._+-'"):
            start -= 1
        while start < match.start() and text[start] in "'.":
            start += 1
        if start < match.start():
            yield start, match.end()
        end = match.end()


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def _luhn(text: str) -> bool:
    """Check a number of 13 to 19 digits by its last digit (Luhn)."""
    digits = [int(each) for each in _digits(text)]
    doubled = [sum(divmod(2 * each, 10)) for each in digits[-2::-2]]
    total = sum(digits[-1::-2]) + sum(doubled)
    return 13 <= len(digits) <= 19 and total > 0 and total % 10 == 0


def _cards(text: str) -> Iterator[tuple[int, int]]:
    """Find card numbers: a row of digits as a whole, else in it what is written as one, beside a date or a code."""
    for row in _DIGITS.finditer(text):
        if row.end() - row.start() < 13:
            continue
        if _luhn(row[0]):
            yield row.span()
            continue
        at = row.start()
        while (match := _CARD.search(text, at, row.end())) is not None:
            at = match.start() + 1
            if _luhn(match[0]):
                yield match.span()
                at = match.end()


def _iban(text: str) -> int:
    """Return the length of the IBAN that a text begins with, by its check digits (ISO 13616); 0 without one."""
    groups = _BLANK.split(text)
    while len(plain := "".join(groups)) >= 15:
        if len(plain) <= 34 and int("".join(str(int(each, 36)) for each in plain[4:] + plain[:4])) % 97 == 1:
            return len(plain) + len(groups) - 1
        groups.pop()
    return 0


def _ip(text: str) -> int:
    """Return the length of a text that is an IPv4 or IPv6 address; 0 for any other text."""
    from ipaddress import ip_address  # only for what looks like an address

    try:
        ip_address(text)
    except ValueError:
        return 0
    return len(text) if any(map(str.isdigit, text)) else 0


def _phones(text: str) -> Iterator[tuple[int, int]]:
    """Find phone numbers: first those that begin with +, ( or 0, then, in the rest, three or more groups of digits."""
    at, rest = 0, []
    while (match := _DIALLED.search(text, at)) is not None:
        start, number = match.start(), match[0]
        while number and not _is_phone(number):
            number = number[: -len(_LAST_GROUP.search(number)[0])]  # type: ignore[index]
        if number:
            yield start, start + len(number)
        rest += [text[at:start], "\0" * len(number)]
        at = start + len(number)
        if not number:
            rest.append(text[start])
            at += 1
    for match in _GROUPED.finditer("".join([*rest, text[at:]])):
        if len(_GROUP.findall(match[0])) >= 3 and _is_phone(match[0]):
            yield match.span()


def _is_phone(text: str) -> bool:
    """Check that a number is called by phone rather than counted: no date, no address."""
    enough = (7 if text[0] == "+" else 9) <= len(_digits(text)) <= 15
    return enough and not _DATE.search(text) and not _ip(text)


_DATE = late_pattern(r"(?:19|20)\d\d[-./]\d\d?[-./]\d\d?|\d\d?[-./]\d\d?[-./](?:19|20)\d\d")
_GROUP = late_pattern(r"\d+")
_LAST_GROUP = late_pattern(r"\D*\d+\D*\Z")
_BLANK = late_pattern(r"[ \u00a0\u202f]")
_DOMAIN = late_pattern(r"@(?:[\w-]{1,63}\.){1,8}(?:xn--[\w-]{1,59}|[A-Za-z]{2,63}|[^\W\d_]{2,63})")
_DIGITS = late_pattern(r"\d(?:[ \u00a0\u2009\u202f\u2010\u2011-]?\d)*")
_CARD = late_pattern(r"(?<!\d)(?:\d{13,19}|\d{4}(\D)\d{4}\1\d{4}\1\d{1,4}|\d{4}(\D)\d{6}\2\d{4,5})(?!\d)")
_IBAN = late_pattern(
    r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ \u00a0\u202f]?[A-Za-z0-9]{4}){2,7}(?:[ \u00a0\u202f]?[A-Za-z0-9]{1,3})?"
    r"(?![A-Za-z0-9])"
)
_IP = late_pattern(
    r"(?<!\d)(?<!\d\.)(?:\d{1,3}\.){3}\d{1,3}(?!\.?\d)"
    r"|(?<![A-Za-z0-9])(?<!\d\.)(?<![0-9A-Fa-f:]:)(?:[0-9A-Fa-f]{0,4}:){2,7}"
    r"(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]{0,4})(?![A-Za-z0-9:])(?!\.\d)"
)
_GROUPS = r"(?:[ \u00a0\u2009\u202f\u2010\u2011./-]{0,2}\(?\d{1,5}\)?){1,6}"
_END = r"(?:(?=x|ext)|(?![A-Za-z0-9]))"
_DIALLED = late_pattern(
    rf"(?<![\d+])\+\(?\d{{1,4}}\)?{_GROUPS}(?!\d)"
    rf"|(?<![A-Za-z0-9+-])(?<!\d\.)(?:\(\d{{1,5}}\)|0\d{{0,4}}){_GROUPS}{_END}"
)
_GROUPED = late_pattern(rf"(?<![A-Za-z0-9+-])(?<!\d\.)\d{{1,4}}{_GROUPS}{_END}")
_KEY = late_pattern(
    r"(?<![A-Za-z0-9])(?:(?:sk|glpat|xox[abeprs])-[A-Za-z0-9_-]{16,}|[a-z]{3,5}-[A-Za-z0-9_]{32,}|hf_[A-Za-z0-9]{30,}"
    r"|(?:gh[pousr]|[rs]k_(?:live|test)|gsk|whsec)_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{22,}|npm_[A-Za-z0-9]{36}"
    r"|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[A-Za-z0-9_-]{35}"
    r"|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,})"
    r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:[^-]|-(?!----))*+-----END [A-Z ]{0,30}PRIVATE KEY-----"
)

PATTERNS: Mapping[str, Find] = {
    "key": search_of(_KEY),
    "email": _emails,
    "iban": search_of(_IBAN, _iban),
    "card": _cards,
    "ip": search_of(_IP, _ip),
    "phone": _phones,
}
"""By name; of two that find the same, the first counts."""
