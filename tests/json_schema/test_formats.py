"""The formats of strings are those of their standards; Python's own spellings of times are accepted, too."""

from __future__ import annotations

import time

from stepwell.schemas.json_schema.formats import FORMATS
from stepwell.schemas.json_schema.validate import errors_of

LABEL = "a" * 63

# By format: what fits, and what does not.
TABLE: dict[str, tuple[list[str], list[str]]] = {
    "date": (["2024-02-29", "0001-01-01"], ["2023-02-29", "2026-13-01", "20261121", "2026-1-01", "২০২৬-01-01", ""]),
    "time": (
        [
            "08:30:06z",
            "08:30:06.283185Z",
            "23:59:60Z",
            "23:59:60+00:00",
            "01:29:60+01:30",
            "15:59:60-08:00",
            "12:00:00",
        ],
        [
            "24:00:00Z",
            "22:59:60Z",
            "23:59:60+01:00",
            "01:02:03+00:60",
            "01:02:03+24:00",
            "01:01:01,11",
            "08:30 PM",
            "1",
        ],
    ),
    "date-time": (
        ["1998-12-31T23:59:60Z", "1963-06-19t08:30:06.283185z", "2026-11-21 10:00:00+01:00", "2026-11-21T10:00:00"],
        ["1998-12-31T22:59:60Z", "2026-11-21", "2026-02-30T01:00:00Z", "2026-11-21T24:00:00Z", "06/19/1963 08:30 PST"],
    ),
    "duration": (
        ["P4DT12H30M5S", "P2W", "PT0S", "P1Y2M", "PT36H", "-P1DT2H", "P1DT2H0.5S"],
        ["P", "PT", "P1YT", "P1D2H", "P2D1Y", "P1Y2W", "P1S", "4D", "P২Y", "PT0,5S", "P1D\n"],
    ),
    "uuid": (["12345678-1234-1234-1234-123456789ABC"], ["123456781234123412341234567890ab", "1234"]),
    "email": (
        [
            "a@b",
            "te~st@example.com",
            '"joe bloggs"@example.com',
            '"joe@bloggs"@example.com',
            "joe@[127.0.0.1]",
            "joe@[IPv6:::1]",
            '""@example.com',
            '"\\""@example.com',
        ],
        [
            ".a@b.c",
            "a.@b.c",
            "a..b@c.d",
            "a@b=c",
            "a@[127.0.0.300]",
            "a@[]",
            "a b@c",
            "@b",
            "a@",
            "é@a.b",
            "a@b@c",
            "a@b\n",
        ],
    ),
    "idn-email": (["실례@실례.테스트", "a@b"], ["2962", "a b@c"]),
    "hostname": (["a-b.example", LABEL, "xn--4gbwdl.xn--wgbh1c"], ["-a.b", "a-", "a_b", "a..b", "a.", LABEL + "a", ""]),
    "idn-hostname": (["실례.테스트", "a.b"], ["〮실례", "-a", "a" * 300]),
    "ipv4": (["127.0.0.1"], ["::1", "127.0.0.256", "127.0.1", "01.2.3.4", "২27.0.0.1"]),
    "ipv6": (["::1", "::ffff:192.168.0.1"], ["127.0.0.1", "fe80::a%eth1", ":::", "1::2::3"]),
    "uri": (
        [
            "https://a/b?c",
            "http://-.~_!$&'()*+,;=:%40:80%2f::::::@example.com",
            "ldap://[2001:db8::7]/c=GB?x?y",
            "urn:a:b",
            "mailto:a@b.c",
            "http://a.com:",
            "http://@a.com",
            "a:",
            "http://a_b/",
        ],
        [
            "no scheme",
            "/abc",
            "//a.b/c",
            "http:// a",
            "http://a/b c",
            "bar,baz:foo",
            "https://[@a/",
            "http://a:b/",
            "a:%6",
            "https://a/é",
            "https://a/{}",
            "https://a/|",
            "https://a\\b",
            "1a://b",
            "http://[1.2]/",
            "http://a.com:8:0",
        ],
    ),
    "uri-reference": (
        ["/abc", "abc", "//a.b/c", "#f", "", "https://a/b", "a/b:c"],
        ["\\\\a\\b", "abc\\d", "a b", ":a"],
    ),
    "iri": (["http://ƒøø.ßår/?∂éœ=πîx#πîüx", "https://a/b"], ["/abc", "http://2001:0db8::7334", "https://a/<b>"]),
    "iri-reference": (["/âππ", "âππ", "#ƒrägmênt"], ["\\\\WINDOWS\\filëßåré", "#ƒräg\\mênt"]),
    "uri-template": (["http://a/{term:1}/{term}{?q*,r}", "http://a/b", "{+path}"], ["http://a/{term", "{a b}", "a b"]),
    "json-pointer": (["", "/", "/foo/0", "/a~1b/~0"], ["a", "#", "/foo/bar~", "/~2"]),
    "relative-json-pointer": (["0", "1/a", "0#", "120/foo/bar"], ["/foo", "-1/a", "01/a", "0##", ""]),
    "regex": (["([abc])+\\s+$", "(?<year>\\d+)"], ["^(abc]", "\\a", "[b-a]"]),
}


def test_each_format_is_that_of_its_standard() -> None:
    assert TABLE.keys() == {*FORMATS, "regex"}
    for format, (right, wrong) in TABLE.items():
        schema = {"format": format}
        assert [text for text in right if errors_of(text, schema)] == [], format
        assert [text for text in wrong if not errors_of(text, schema)] == [], format
        assert errors_of(3, schema) == []


def test_every_format_takes_time_linear_in_the_text() -> None:
    texts = [part * 20_000 for part in ("a", "1", "a.", ":", "a@", "/~", "%20", '"\\', "{a", "1:", "[1", "é")]
    began = time.process_time()
    for holds in FORMATS.values():
        for text in texts:
            for prefix in ("", "a:", "http://", "//", "P", '"', "{", "a@["):
                holds(prefix + text + "!")
    assert time.process_time() - began < 20
