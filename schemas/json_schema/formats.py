"""The string formats of JSON Schema that are checked, as their standards have them; any other format is ignored.

What Python's types have is read leniently: a date-time or a time may lack its offset and its seconds, a duration may
have a sign and fractions of a second, and leave out units. The list:
https://json-schema.org/draft/2020-12/json-schema-validation#section-7.3
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from importlib import import_module
from typing import Final

Check = Callable[[str], bool]


def _matches(pattern: str) -> Check:
    compiled = re.compile(pattern)
    return lambda text: compiled.fullmatch(text) is not None


def _read_by(read: Callable[[str], object], shape: Check) -> Check:
    """Make the check of a text that has a shape, and for which `read` raises no ValueError."""

    def holds(text: str) -> bool:
        try:
            return shape(text) and read(text) is not None
        except ValueError:
            return False

    return holds


_CLOCK = re.compile(
    r"([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]|60)(?:\.[0-9]+)?)?(?:[Zz]|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))?"
)


def _is_time(text: str) -> bool:
    found = _CLOCK.fullmatch(text)
    if found is None:
        return False
    hour, minute, second, sign, hours, minutes = found.groups()
    if second != "60":
        return True
    # A leap second is inserted at the end of a day in UTC.
    ahead = (int(hours) * 60 + int(minutes)) * (1 if sign == "+" else -1) if sign else 0
    return (int(hour) * 60 + int(minute) - ahead) % (24 * 60) == 24 * 60 - 1


_is_date = _read_by(date.fromisoformat, _matches(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"))
# Reading an address with its module also reads what is no address in a document, such as the name of a zone.
_is_ipv4 = _read_by(lambda text: import_module("ipaddress").IPv4Address(text), _matches(r"[0-9.]+"))
_is_ipv6 = _read_by(lambda text: import_module("ipaddress").IPv6Address(text), _matches(r"[0-9A-Fa-f:.]+"))

_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_is_hostname = _matches(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*")


def _is_idn_hostname(text: str) -> bool:
    try:
        import_module("idna").encode(text)  # comes with httpx
    except (ValueError, ImportError):
        return False
    return True


def _email(more: str, is_host: Check) -> Check:
    """Return the check of a mailbox (RFC 5321, section 4.1.2).

    more: further characters that its first part may have.
    is_host: the check of its domain, unless that is an address in brackets.
    """
    word = rf"[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~{more}-]+"
    is_local = _matches(rf'{word}(\.{word})*|"([ !#-\[\]-~{more}]|\\[ -~])*"')

    def holds(text: str) -> bool:
        local, _, host = text.rpartition("@")
        if not is_local(local):
            return False
        if not host.startswith("["):
            return is_host(host)
        address = host[1:-1] if host.endswith("]") else ""
        return _is_ipv6(address[5:]) if address[:5].lower() == "ipv6:" else _is_ipv4(address)

    return holds


def _uri(more: str, *, relative: bool) -> Check:
    """Return the check of a URI (RFC 3986, appendix A) or an IRI (RFC 3987).

    more: further characters that it may have.
    relative: whether it may lack its scheme.
    """
    plain = rf"-A-Za-z0-9._~!$&'()*+,;={more}"
    escape = "%[0-9A-Fa-f]{2}"
    segment = rf"(?:[{plain}:@]|{escape})"
    host = rf"\[(?:(?P<address>[0-9A-Fa-f:.]+)|[vV][0-9A-Fa-f]+\.[{plain}:]+)\]|(?:[{plain}]|{escape})*"
    authority = rf"//(?:(?:[{plain}:]|{escape})*@)?(?:{host})(?::[0-9]*)?(?:/{segment}*)*"
    rest = rf"(?:\?(?:{segment}|[/?])*)?(?:#(?:{segment}|[/?])*)?"
    path = rf"/(?:{segment}+(?:/{segment}*)*)?|{segment}+(?:/{segment}*)*|"
    absolute = rf"[A-Za-z][A-Za-z0-9+.-]*:(?:{authority}|{path}){rest}"
    # Without a scheme, what precedes the first slash has no colon, and cannot be taken for one.
    unschemed = rf"(?![^/?#]*:)(?:{path}){rest}|{authority}{rest}"
    forms = [re.compile(form) for form in ([absolute, unschemed] if relative else [absolute])]

    def holds(text: str) -> bool:
        found = next((match for form in forms if (match := form.fullmatch(text))), None)
        return found is not None and (found["address"] is None or _is_ipv6(found["address"]))

    return holds


_BEYOND_ASCII: Final = "\u00a0-\ud7ff\uf900-\U000effff"
_POINTER: Final = r"(/([^~/]|~[01])*)*"
_VARIABLE: Final = r"(?:[A-Za-z0-9_]|%[0-9A-Fa-f]{2})(?:\.?(?:[A-Za-z0-9_]|%[0-9A-Fa-f]{2}))*(?::[1-9][0-9]{0,3}|\*)?"

# Every pattern here takes time linear in the text.
FORMATS: Final[dict[str, Check]] = {
    "date": _is_date,
    "date-time": lambda text: text[10:11] in ("T", "t", " ") and _is_date(text[:10]) and _is_time(text[11:]),
    "time": _is_time,
    "duration": _matches(
        r"[+-]?P(?=.)([0-9]+W|([0-9]+Y)?([0-9]+M)?([0-9]+D)?(T(?=.)([0-9]+H)?([0-9]+M)?([0-9]+(\.[0-9]+)?S)?)?)"
    ),
    "uuid": _matches(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    "email": _email("", _is_hostname),
    "idn-email": _email(_BEYOND_ASCII, lambda host: _is_hostname(host) or _is_idn_hostname(host)),
    "hostname": _is_hostname,
    "idn-hostname": _is_idn_hostname,
    "ipv4": _is_ipv4,
    "ipv6": _is_ipv6,
    "uri": _uri("", relative=False),
    "uri-reference": _uri("", relative=True),
    "iri": _uri(_BEYOND_ASCII, relative=False),
    "iri-reference": _uri(_BEYOND_ASCII, relative=True),
    "uri-template": _matches(
        rf"(?:[^\x00-\x20\"'%<>\\^`{{|}}\x7f]|%[0-9A-Fa-f]{{2}}|\{{[+#./;?&=,!@|]?{_VARIABLE}(?:,{_VARIABLE})*\}})*"
    ),
    "json-pointer": _matches(_POINTER),
    "relative-json-pointer": _matches(rf"(0|[1-9][0-9]*)(#|{_POINTER})"),
}
