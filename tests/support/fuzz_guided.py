"""The search of fuzz.py, led by the code that it reaches: `python fuzz_guided.py FOLDER`, with options of libFuzzer.

The first byte of an input chooses the target, and the rest is fed to it. fuzz.py starts it.
"""

import sys

import atheris

with atheris.instrument_imports(include=["stepwell.providers", "stepwell.pipeline.stream", "stepwell.schemas"]):
    import fuzz

TARGETS = fuzz.targets()


def feed(data: bytes) -> None:
    if data:
        target = TARGETS[data[0] % len(TARGETS)]
        fault = fuzz.fault_of(target, data[1:], [len(data) // 2, len(data) // 3])
        if fault is not None:
            raise AssertionError(f"{target.name}: {fault}")


if __name__ == "__main__":
    atheris.Setup(sys.argv, feed)
    atheris.Fuzz()
