"""Docstrings in three styles are read alike."""

from __future__ import annotations

import pytest

from stepwell.schemas.json_schema.docstrings import read_docstring

GOOGLE = """Find a place.

    It may be far.

    Args:
        name (str): The name: exact
            or nearly so.
        radius: How far, in km.

        *tags: More words.

    Returns:
        str: The place.

    Raises:
        ValueError: Never.
    """
NUMPY = """Find a place.

    It may be far.

    Parameters
    ----------
    name : str, optional
        The name: exact
        or nearly so.
    radius : float
        How far, in km.
    *tags
        More words.

    Returns
    -------
    place : str
        The place.
    """
SPHINX = """Find a place.

    It may be far.

    :param str name: The name: exact
        or nearly so.
    :param radius: How far, in km.
    :type radius: float
    :param tags: More words.
    :returns: The place.
    :raises ValueError: Never.
    """


@pytest.mark.parametrize("text", [GOOGLE, NUMPY, SPHINX], ids=["google", "numpy", "sphinx"])
def test_each_style_is_read(text: str) -> None:
    assert read_docstring(text) == (
        "Find a place.\n\nIt may be far.",
        {"name": "The name: exact or nearly so.", "radius": "How far, in km.", "tags": "More words."},
    )


def test_two_names_may_share_one_description_in_numpy_style() -> None:
    text = "Draw.\n\nParameters\n----------\nx, y : int\n    The place."
    assert read_docstring(text) == ("Draw.", {"x": "The place.", "y": "The place."})


@pytest.mark.parametrize(
    ("text", "about"),
    [
        (None, ""),
        ("", ""),
        ("One line.", "One line."),
        ("A ratio like 3: 4 stays.", "A ratio like 3: 4 stays."),
        ("First.\n\n    Note: this stays, it is prose.\n    ", "First.\n\nNote: this stays, it is prose."),
        ("First.\n\nReturns: nothing of use.", "First."),
        ("First.\n\n    - a list\n      with an indent", "First.\n\n- a list\n  with an indent"),
    ],
)
def test_the_description_is_the_text_before_the_sections(text: str | None, about: str) -> None:
    assert read_docstring(text) == (about, {})
