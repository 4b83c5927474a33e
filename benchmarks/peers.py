"""The subjects that are measured, and the virtual environment of each peer."""

import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from benchmarks.scenarios import LIMIT

ROOT = Path(__file__).resolve().parent.parent
VENVS = ROOT / ".build" / "bench-venvs"


@dataclass(frozen=True)
class Subject:
    """One script in subjects/."""

    name: str
    file: str
    imports: str
    """The modules that its users import, separated by spaces."""
    venv: str = ""
    """The name of its environment; "" for the present one."""
    requires: tuple[str, ...] = ()
    """The packages of that environment."""
    path: str = ""
    """A folder whose packages take precedence over those of the environment."""

    @property
    def modules(self) -> list[str]:
        return self.imports.split()

    @property
    def python(self) -> Path:
        return VENVS / self.venv / "bin" / "python" if self.venv else Path(sys.executable)

    @property
    def is_peer(self) -> bool:
        """Whether it is another library, neither the floor nor stepwell."""
        return not self.name.startswith(("floor", "stepwell"))


SUBJECTS = [
    Subject("floor_httpx", "floor_httpx.py", "httpx"),
    Subject("floor_httptools", "floor_httptools.py", "asyncio ssl httptools orjson"),
    Subject(LIMIT, "floor_socket.py", "asyncio ssl orjson"),
    Subject("stepwell", "stepwell_.py", "stepwell"),
    Subject("stepwell_fast", "stepwell_fast.py", "stepwell"),
    Subject("stepwell_httpx2", "stepwell_httpx2.py", "stepwell"),
    Subject("openai", "openai_.py", "openai", "openai", ("openai",)),
    Subject("anthropic", "anthropic_.py", "anthropic", "anthropic", ("anthropic",)),
    Subject("litellm", "litellm_.py", "litellm", "litellm", ("litellm", "mcp")),  # its tool-call streams import mcp
    Subject("any_llm", "any_llm_.py", "any_llm", "any_llm", ("any-llm-sdk[openai,anthropic]",)),
    Subject(
        "pydantic_ai",
        "pydantic_ai_.py",
        "pydantic_ai.direct pydantic_ai.models.openai",
        "pydantic_ai",
        ("pydantic-ai-slim[openai,anthropic]",),
    ),
    Subject("langchain_openai", "langchain_openai_.py", "langchain_openai", "langchain_openai", ("langchain-openai",)),
]


def choose(peers: str | None, only: str | None) -> list[Subject]:
    """Return the subjects to run: by default the floor, stepwell, and every other subject whose environment exists.

    Raises ValueError for an unknown name.

    peers: names of peers to add, "all" or "none"; missing environments are made.
    only: names of the subjects to run, and no others.
    """
    names = {name for subject in SUBJECTS for name in (subject.name, subject.venv)} | {"all", "none"}
    wanted = [name.strip() for name in (only or peers or "").split(",") if name.strip()]
    for name in wanted:
        if name not in names:
            raise ValueError(f"no subject named {name!r}; there are {', '.join(subject.name for subject in SUBJECTS)}")
    if only:
        return [subject for subject in SUBJECTS if subject.name in wanted]
    if peers is None:
        return [subject for subject in SUBJECTS if subject.python.exists()]
    return [s for s in SUBJECTS if (not s.is_peer and s.python.exists()) or {"all", s.name, s.venv} & set(wanted)]


def make_environment(subject: Subject) -> None:
    """Install a subject's packages in its environment, once. Raises CalledProcessError when pip fails."""
    ready = VENVS / subject.venv / ".ready"
    if not subject.venv or ready.exists():
        return
    print(f"making {ready.parent.relative_to(ROOT)} ...", file=sys.stderr)
    venv.create(ready.parent, with_pip=True)
    command = [subject.python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *subject.requires]
    subprocess.run(command, check=True, timeout=600)
    ready.touch()
