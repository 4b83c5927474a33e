"""Who is measured, and the virtual environment that each peer gets for itself."""

import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENVS = ROOT / ".build" / "bench-venvs"


@dataclass(frozen=True)
class Subject:
    """One script in subjects/. `imports`: what its users import; `venv`: its environment, "" for the present one.

    `path`: a folder whose packages come before those of the environment.
    """

    name: str
    file: str
    imports: str
    venv: str = ""
    requires: tuple[str, ...] = ()
    path: str = ""

    @property
    def modules(self) -> list[str]:
        return self.imports.split()

    @property
    def python(self) -> Path:
        return VENVS / self.venv / "bin" / "python" if self.venv else Path(sys.executable)

    @property
    def is_peer(self) -> bool:
        """Somebody else's library, as against the floor and stepwell."""
        return not self.name.startswith(("floor", "stepwell"))


AIOHTTP = ("-e", f"{ROOT}[aiohttp]", "httpx-aiohttp")
SUBJECTS = [
    Subject("floor_httpx", "floor_httpx.py", "httpx"),
    Subject("stepwell", "stepwell_.py", "stepwell"),
    Subject("floor_aiohttp", "floor_aiohttp.py", "httpx httpx_aiohttp", "aiohttp", AIOHTTP),
    Subject("stepwell_aiohttp", "stepwell_aiohttp.py", "stepwell", "aiohttp", AIOHTTP),
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
    """The subjects to run. `peers`: names or "all", made if missing; `only`: exactly these.

    By default the floor, stepwell, and every other subject whose environment is there. Raises ValueError for a name
    that is none of ours.
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
    """Install a subject's packages in an environment of its own, once. Raises CalledProcessError when pip fails."""
    ready = VENVS / subject.venv / ".ready"
    if not subject.venv or ready.exists():
        return
    print(f"making {ready.parent.relative_to(ROOT)} ...", file=sys.stderr)
    venv.create(ready.parent, with_pip=True)
    command = [subject.python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *subject.requires]
    subprocess.run(command, check=True, timeout=600)
    ready.touch()
