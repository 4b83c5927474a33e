"""Test ids that are the same in every process: pytest-xdist distributes tests by them, and people name tests."""

from __future__ import annotations

import re

import pytest

ADDRESS = re.compile(r"\b0x[0-9a-f]{6,}", re.I)


def is_unstable(item: pytest.Item) -> bool:
    """Detect an id with the address of an object or the order of a set, which differ from process to process.

    What is made from a set before (`list({...})`) cannot be seen here; pytest-xdist refuses it, as its workers differ.
    """
    if ADDRESS.search(item.nodeid):
        return True
    if any(_is_set(values) for mark in item.iter_markers("parametrize") for values in mark.args[1:2]):
        return True
    params = getattr(getattr(item, "callspec", None), "params", {})
    return any(_is_set(value) and str(value) in item.nodeid for value in params.values())


def _is_set(value: object) -> bool:
    """Detect a set whose order is random, which that of numbers is not."""
    return isinstance(value, set | frozenset) and len(value) > 1 and not all(isinstance(each, int) for each in value)
