"""Map: the same question about many items, with the results in a file that a later run goes on with."""

from pathlib import Path

import stepwell

ITEMS = [{"name": name} for name in ("plum", "Pune", "oak", "rain")]

with stepwell.Client() as client:

    def ask(items: list[dict[str, str]]) -> None:
        run = client.map(
            items,
            model="local:smollm2",
            prompt="Name a relative of: {name}",
            key="name",
            out="words.jsonl",
            max_tokens=6,
            progress=False,
        )
        print(repr(run.run()))

    ask(ITEMS[:2])
    ask(ITEMS)  # as after a kill: what has an answer is not asked again

    # Results as they come, without a file.
    with client.map(["Say hello.", "Say goodbye."], model="local:smollm2", max_tokens=5) as run:
        for result in run:
            print(result.index, result.text, f"{result.cost.total} dollars")

print(Path("words.jsonl").read_text())
