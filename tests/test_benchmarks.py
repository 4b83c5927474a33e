"""The benchmark harness runs and its loopback provider speaks HTTP. Speed is not tested."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import httpx
import pytest

pytestmark = pytest.mark.usefixtures("new_process")

ROOT = Path(__file__).resolve().parent.parent
BODY = {"model": "any", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture(scope="module")
def provider() -> Iterator[httpx.Client]:
    command = [sys.executable, "-m", "benchmarks.server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True) as process:
        assert process.stdout
        url = f"http://127.0.0.1:{int(process.stdout.readline())}"
        with httpx.Client(base_url=url, trust_env=False, timeout=5) as client:
            yield client
        process.communicate(timeout=5)
    assert process.returncode == 0


def events(response: httpx.Response) -> list[dict]:
    """Return the JSON of every event of a stream, without its [DONE]."""
    lines = [line[6:] for line in response.text.split("\n") if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def test_a_call_has_the_same_answer_on_both_wires(provider: httpx.Client) -> None:
    openai = provider.post("/call-40/v1/chat/completions", json=BODY).json()
    anthropic = provider.post("/call-40/v1/messages", json=BODY).json()
    assert openai["choices"][0]["message"]["content"] == anthropic["content"][0]["text"] != ""


def test_an_openai_text_event_has_the_size_of_a_real_one(provider: httpx.Client) -> None:
    response = provider.post("/text-200/v1/chat/completions", json={**BODY, "stream": True})
    assert response.headers["content-type"].startswith("text/event-stream")
    assert [len(event) + 2 for event in response.content.split(b"\n\n")[1:201]] == [318] * 200
    assert events(response)[-1]["usage"]["completion_tokens"] == 200
    assert response.text.endswith("data: [DONE]\n\n")


def test_an_anthropic_stream_has_the_text_of_the_openai_one(provider: httpx.Client) -> None:
    openai = events(provider.post("/text-50/v1/chat/completions", json=BODY))
    anthropic = events(provider.post("/text-50/v1/messages", json=BODY))
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in openai if chunk["choices"])
    assert (
        text == "".join(event["delta"]["text"] for event in anthropic if event["type"] == "content_block_delta") != ""
    )


def test_fragments_of_tool_arguments_make_up_json(provider: httpx.Client) -> None:
    chunks = events(provider.post("/tools-20/v1/chat/completions", json=BODY))
    calls = [chunk["choices"][0]["delta"].get("tool_calls", []) for chunk in chunks if chunk["choices"]]
    assert json.loads("".join(call["function"]["arguments"] for some in calls for call in some))["location"]
    deltas = [event.get("delta", {}) for event in events(provider.post("/tools-20/v1/messages", json=BODY))]
    assert json.loads("".join(delta.get("partial_json", "") for delta in deltas))["location"]


def test_one_connection_serves_many_requests_in_any_framing(provider: httpx.Client) -> None:
    parts = iter([b'{"mod', b'el": 1}'])
    ports = set()
    for content in (b"", b"x" * 300_000, parts, json.dumps(BODY).encode()):
        with provider.stream("POST", "/text-3-1x1/v1/chat/completions", content=content) as response:
            ports.add(response.extensions["network_stream"].get_extra_info("client_addr"))
            assert response.read().endswith(b"data: [DONE]\n\n")
    assert len(ports) == 1


def test_a_path_that_names_no_answer_is_an_error(provider: httpx.Client) -> None:
    response = provider.post("/nothing/v1/chat/completions", json=BODY)
    assert response.status_code == 404
    assert "/nothing/v1/chat/completions" in response.json()["error"]["message"]


def test_streams_that_meet_are_all_open_before_any_goes_on(provider: httpx.Client) -> None:
    answer, tail = "/text-3-1x1@2/v1/chat/completions", b"data: [DONE]\n\n"
    with provider.stream("POST", answer, json=BODY) as first:
        begun = first.iter_raw()
        seen = next(begun)
        with provider.stream("POST", answer, json=BODY) as second:
            assert second.read().endswith(tail)
        assert tail not in seen and b"".join(begun).endswith(tail)


def test_a_stream_that_is_asked_for_alone_waits_for_no_others(provider: httpx.Client) -> None:
    body = {**BODY, "messages": [{"role": "user", "content": "alone"}]}
    assert provider.post("/text-3-1x1@2/v1/chat/completions", json=body).text.endswith("data: [DONE]\n\n")


def test_a_run_of_the_floors_alone_writes_a_report_and_a_plot(tmp_path: Path) -> None:
    subjects = "floor_httpx,floor_httptools,floor_socket"
    command = [sys.executable, "-m", "benchmarks.run", "--subjects", subjects, "--quick", "--seconds", "2"]
    command += ["--scenarios", "import,call_sync,event_200_sync,paced_async,event_tls_async,threads_8"]
    done = subprocess.run(
        [*command, "--out", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    report = (tmp_path / "RESULTS.md").read_text()
    assert "| call, sync, µs CPU" in done.stdout and "| call, sync, µs CPU" in report
    assert "not measured" in report
    assert "not available" not in report and "failed" not in report
    svg = ElementTree.parse(tmp_path / "results.svg").getroot()
    panels = [each for each in svg.iter() if each.get("class") == "t"]
    assert len(panels) == len([each for each in svg.iter() if each.get("class") == "limit"]) > 1


def test_an_unknown_subject_is_refused_with_the_known_ones() -> None:
    command = [sys.executable, "-m", "benchmarks.run", "--subjects", "floor_htpx"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "no subject named 'floor_htpx'" in done.stderr and "floor_httpx" in done.stderr


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sys, "path", [*sys.path, str(ROOT)])
    import benchmarks.children  # only importable from the root of the repository

    return benchmarks.children


def test_a_subject_that_cannot_be_imported_reports_the_reason(children: ModuleType) -> None:
    ghost = children.Subject("ghost", "floor_httpx.py", "no_such_library")
    with pytest.raises(children.Unavailable, match="No module named 'no_such_library'"):
        children.Child(ghost)


def test_the_working_tree_is_compared_with_another_commit(tmp_path: Path) -> None:
    """In a repository of its own, so that a tree without one is tested too; each subject runs its own tree."""
    for folder in ("benchmarks", "stepwell", "schemas", "model_metadata", "pipeline", "providers"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    git = ["git", "-c", "user.name=n", "-c", "user.email=e@x.test", "-c", "init.defaultBranch=main"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "before"]):
        subprocess.run([*git, *words], cwd=tmp_path, check=True)
    slow = tmp_path / "stepwell" / "__init__.py"
    slow.write_text(slow.read_text() + "\nsum(range(5_000_000))\n")
    command = [sys.executable, "-m", "benchmarks.run", "--seconds", "2", "--scenarios", "import", "--against"]
    done = subprocess.run([*command, "HEAD"], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and "LOSS" in done.stdout, done.stdout + done.stderr
    worktrees = subprocess.run(["git", "worktree", "list"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert len(worktrees.stdout.splitlines()) == 1, "nothing is left behind"
    done = subprocess.run([*command, "no-such"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "no-such" in done.stderr


def test_many_streams_are_measured_after_one_at_the_same_url(
    children: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A subject with a client for each URL would make it within the measurement, and open a connection more."""
    from benchmarks import run, scenarios

    asked: list[dict] = []

    class Asked:
        hello = {"imported": {}, "can": ["acall", "astream"], "wires": ["openai"]}

        def __init__(self, subject: object) -> None:
            asked.append({})

        def ask(self, job: dict) -> dict:
            asked.append(job)
            return {}

        def close(self) -> None:
            """Nothing is open."""

    monkeypatch.setattr(run, "Child", Asked)
    many = [each for each in scenarios.SCENARIOS if each.fresh and each.at_once > 1]
    measured = run.Run(run.Jobs(("http://a", "https://a"), ""), [], seconds=1, rounds=1)
    assert measured._fresh_samples(children.Subject(scenarios.FAST, "", ""), many).keys() == {
        each.name for each in many
    }
    for at, scenario in enumerate(many):
        new, warm, job = asked[3 * at : 3 * at + 3]
        assert new == {} and (warm["at_once"], job["at_once"]) == (1, scenario.at_once)
        assert warm["url"] == job["url"] and "alone" in str(warm["messages"]) and "alone" not in str(job["messages"])


def test_what_is_installed_is_built_from_all_that_the_wheel_needs(children: ModuleType, tmp_path: Path) -> None:
    from benchmarks import size

    size.copy_tree(tmp_path / "source")
    command = [sys.executable, "setup.py", "-q", "egg_info"]
    done = subprocess.run(command, cwd=tmp_path / "source", capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_what_pip_says_is_printed_where_it_fails(
    children: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from benchmarks import size

    monkeypatch.setattr(size, "built", lambda: ["schemas"])
    with pytest.raises(SystemExit, match=r"exit code 1\): package directory '\w+' does not exist"):
        size.main(["--json"])
    shown = capsys.readouterr()
    assert "running dist_info" in shown.err and not shown.out


@pytest.mark.parametrize(
    ("ratios", "verdict"),
    [
        ([1.02] * 15, ""),
        ([1.04] * 15, "LOSS"),
        ([0.9] * 4 + [1.1] * 11, ""),
        ([0.9] * 3 + [1.1] * 12, "LOSS"),
        ([0.95] * 15, "gain"),
        ([0.95] * 11 + [1.1] * 4, ""),
        ([1.1], "LOSS"),
    ],
    ids=["too little", "a loss", "rounds disagree", "most agree", "a gain", "perhaps a gain", "one round"],
)
def test_a_loss_is_a_result_of_most_rounds(children: ModuleType, ratios: list[float], verdict: str) -> None:
    from benchmarks.against import Change

    assert Change(tuple(ratios)).verdict == verdict


def test_other_load_in_some_rounds_does_not_change_a_ratio(children: ModuleType) -> None:
    from benchmarks.results import Results

    results = Results()
    for number, (ours, floor) in enumerate([(3.0, 9.0), (2.0, 10.0), (4.0, 8.0)]):
        results.add("call_sync", "ours", number, {"cpu": ours, "memory": ours})
        results.add("call_sync", "floor", number, {"cpu": floor, "memory": floor})
    lowest = results.ratio("call_sync", "ours", "floor", "cpu")
    assert lowest is not None and (lowest.value, lowest.low, lowest.high) == (2 / 8, 2 / 10, 4 / 8)
    memory = results.ratio("call_sync", "ours", "floor", "memory")
    assert memory is not None and memory.value == 3 / 9, "the median: nothing else takes of a process's memory"
    assert results.ratio("call_sync", "ours", "another", "cpu") is None
