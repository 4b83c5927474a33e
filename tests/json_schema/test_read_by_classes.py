"""Python's own classes read what they can, also where it is not written as their schema says; what they refuse is
explained by the schema."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal
from typing import Annotated, Any

import pytest
from attrs import field, make_class

from stepwell.schemas.errors import ObjectInvalid
from stepwell.schemas.json_schema.from_type import schema_of
from stepwell.schemas.json_schema.read_value import read_value
from stepwell.schemas.json_schema.signature import arguments_for, signature_schema
from stepwell.schemas.json_schema.validate import errors_of

EAST = datetime.timezone(datetime.timedelta(hours=1))
ID = uuid.UUID(int=7)
READ: list[tuple[Any, Any, Any]] = [
    (set[int], [1, 1, 2], {1, 2}),
    (frozenset[str], ["a", "a"], frozenset("a")),
    (Decimal, 12.1, Decimal("12.1")),
    (Decimal, 3, Decimal(3)),
    (Decimal, 2**70, Decimal(2**70)),
    (Decimal, "1e3", Decimal(1000)),
    (datetime.datetime, "2026-01-02", datetime.datetime(2026, 1, 2)),
    (datetime.datetime, "2026-01-02T03:04:05+0100", datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=EAST)),
    (datetime.date, "20260102", datetime.date(2026, 1, 2)),
    (uuid.UUID, ID.hex, ID),
    (uuid.UUID, f"{{{ID}}}", ID),
]
REFUSED: list[tuple[Any, Any]] = [
    (Decimal, 0.12345678901234567),  # may have had more digits
    (Decimal, "NaN"),
    (Decimal, "1,5"),
    (Decimal, True),
    (datetime.datetime, "tomorrow"),
    (datetime.date, "2026-01-02T00:00:00"),
    (datetime.time, "noon"),
    (uuid.UUID, "x"),
    (set[int], [1, "a", "a"]),
]


def places(tp: Any) -> list[tuple[Any, Any, Any]]:
    """Return the places of a type: how a value is put there, the type, and how the value is found."""
    holder: Any = make_class("Holder", {"held": field(type=tp)})
    return [
        (lambda value: value, tp, lambda read: read),
        (lambda value: [value], list[tp], lambda read: read[0]),
        (lambda value: {"a": value}, dict[str, tp], lambda read: read["a"]),
        (lambda value: {"held": value}, holder, lambda read: read.held),
        (lambda value: value, tp | None, lambda read: read),
        (lambda value: value, tp | dict[str, int], lambda read: read),
    ]


@pytest.mark.parametrize(("tp", "value", "read"), READ, ids=range(len(READ)))
def test_a_class_reads_more_than_its_schema_describes(tp: Any, value: Any, read: Any) -> None:
    assert errors_of(value, schema_of(tp))
    for put, kind, found in places(tp):
        assert found(read_value(put(value), kind, schema_of(kind))) == read, kind

    def function(given: Any) -> Any:
        return given

    function.__annotations__["given"] = tp
    assert arguments_for(function, {"given": value}, signature_schema(function)[2])[1] == {"given": read}


@pytest.mark.parametrize(("tp", "value"), REFUSED, ids=range(len(REFUSED)))
def test_the_schema_explains_what_a_class_refuses(tp: Any, value: Any) -> None:
    for put, kind, _ in places(tp)[:4]:
        with pytest.raises(ObjectInvalid) as caught:
            read_value(put(value), kind, schema_of(kind))
        expected = errors_of(put(value), schema_of(kind))
        assert set(caught.value.violations) <= set(expected), kind


def test_what_one_alternative_cannot_read_is_read_by_the_next() -> None:
    for tp in (bytes | str, str | bytes):
        assert read_value("not base64!", tp, schema_of(tp)) == "not base64!"
    dates = datetime.date | datetime.datetime
    assert read_value("2026-01-02 03:04", dates, schema_of(dates)) == datetime.datetime(2026, 1, 2, 3, 4)
    assert read_value(1.5, int | Decimal, schema_of(int | Decimal)) == Decimal("1.5")


def test_what_the_program_demands_of_a_set_is_still_demanded() -> None:
    for keywords in ({"uniqueItems": True}, {"minItems": 3}):
        kind = Annotated[set[str], keywords]
        with pytest.raises(ObjectInvalid):
            read_value(["a", "a"], kind, schema_of(kind))
