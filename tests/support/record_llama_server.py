"""Record llama.cpp's own server, with the packaged model, again.

`PYTHONPATH=tests/support:. python -m record_llama_server` asks what each recording of it says was asked, and writes
the answer over the old one, with what the vendor's SDK reads in it. Ids, times and cached tokens differ with each run.
Needs xllamacpp, of the extra `local`.
"""

from __future__ import annotations

import json
from base64 import b64encode
from importlib.metadata import version

import httpx
from documented_oracles import oracle_of, read_by_sdk
from judges import local_model

from recordings import FOLDER

_HERE = "http://localhost:8080"


def record() -> None:
    """Ask every question again. Raises NotInstalled."""
    server = local_model.address()
    for file in sorted(FOLDER.glob("*-llama_cpp-*.json")):
        data = json.loads(file.read_text())
        if data["fidelity"] == "documentation":
            continue
        api, asked = data["api"], data["request"]
        path = asked["url"].removeprefix(_HERE)
        answer = httpx.post(server + path, json=asked["json"], timeout=600).raise_for_status()
        body, kind = answer.content, answer.headers["content-type"]
        data["source"] = f"llama.cpp's server (xllamacpp {version('xllamacpp')}) with SmolLM2-135M, {path}"
        data["response"] = {
            "status": answer.status_code,
            "headers": {"content-type": kind},
            "body_b64": b64encode(body).decode(),
        }
        read = read_by_sdk(api, data["model"], body, kind, streaming=data["streaming"])
        data["expected"] = {**read, "oracle": oracle_of(api)}
        file.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    record()
