"""`python -OO` removes docstrings: they are read from the source code, and a missing one is a warning."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("new_process")

DESCRIBED = '''
import dataclasses, enum, functools, json, sys
import attrs, stepwell
from stepwell.schemas.json_schema.from_type import schema_of

@stepwell.tool
def weather(city: str) -> str:
    """Get the weather in a city now.

    Args:
        city: its English name
    """

class Till:
    @classmethod
    @stepwell.tool
    def named(cls, amount: int) -> str:
        """Name the till."""

    def add(self, amount: int) -> int:
        """Add money.

        Args:
            amount: in cents
        """

class Caller:
    """Call somebody."""

    def __call__(self, number: str) -> str: ...

@dataclasses.dataclass
class Address:
    """Where somebody lives."""

    street: str

@dataclasses.dataclass
class Bare:
    street: str

@attrs.define
class Person:
    """Somebody.

    Attributes:
        name: in full
    """

    name: str
    home: Address

class Size(enum.Enum):
    """How large."""

    small = "S"
    large = "L"

def seen(tool):
    tool = stepwell.tool(tool)
    return [tool.name, tool.description, tool.parameters]

if __name__ == "__main__":
    tools = [weather, Till.named, Till().add, Caller(), functools.partial(Till().add)]
    print(json.dumps([*map(seen, tools), *map(schema_of, [Person, Size, Bare])]))
'''

UNSEEN = """
import json, warnings, stepwell

def look(path: str) -> str:
    "Look at it."

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    stepwell.tool(look), stepwell.tool(description="said")(look)
print(json.dumps([str(each.message) for each in caught]))
"""


def out(*words: Any) -> Any:
    return json.loads(subprocess.run([sys.executable, *words], check=True, capture_output=True, text=True).stdout)


def test_descriptions_are_the_same_at_every_level_of_optimisation(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(DESCRIBED)
    plain = out("-W", "error", program)
    assert "Where somebody lives." in str(plain) and "in cents" in str(plain) and "Call somebody." in str(plain)
    assert out("-W", "error", "-O", program) == plain == out("-W", "error", "-OO", program)


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="keeps the source of a command by itself")
def test_a_description_that_cannot_be_had_is_a_warning() -> None:
    (warning,) = out("-OO", "-c", UNSEEN)
    assert "'look' has no description" in warning and out("-c", UNSEEN) == []
