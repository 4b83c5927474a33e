"""A journal: a job that is killed in the middle goes on where it stopped, and no tool runs twice."""

import multiprocessing
import os
import tempfile
from pathlib import Path

import stepwell
from stepwell.steps import CallModel, Flow, Run

MODEL = "local:smollm2"


def invoice(folder: Path, *, fails: bool) -> Flow:
    """Ask, send a mail, and ask again; the process ends after the mail."""
    greeting = yield CallModel(MODEL, "Greet a customer in five words.", {"max_tokens": 20, "seed": 1})

    def send_mail() -> int:
        with (folder / "mails").open("a") as mails:
            return mails.write(f"{greeting.text!r}\n")

    yield Run(send_mail, name="send the mail")
    if fails:
        os._exit(1)  # as by kill -9: nothing is cleaned up
    thanks = yield CallModel(MODEL, "Thank a customer in five words.", {"max_tokens": 20, "seed": 1})
    return greeting.text, thanks.text


def work(folder: Path, *, fails: bool) -> None:
    """Run the job in this process."""
    with stepwell.Client(journal=folder / "work.sqlite") as client:
        client.run_workflow(invoice(folder, fails=fails), job="invoice-17")


def main() -> None:
    """Run the job in two processes: the first one dies."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for fails in (True, False):
            process = multiprocessing.get_context("spawn").Process(target=work, args=(folder,), kwargs={"fails": fails})
            process.start()
            process.join()
            print(f"a process ended with code {process.exitcode}")
        print(f"{len((folder / 'mails').read_text().splitlines())} mail was sent")
        with stepwell.jobs(folder / "work.sqlite") as jobs:
            for job in jobs:
                print(f"{job.job}: {job.state}, {job.requests} requests, {job.functions} function")


if __name__ == "__main__":
    main()
