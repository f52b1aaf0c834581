"""Run the command of one step, or put its outputs back if the store has them, and note what they were made from."""

import argparse
import fcntl
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from workflow_scripts.lib import jsonl, logs
from workflow_scripts.lib.environment import check_pins
from workflow_scripts.lib.execution import launched
from workflow_scripts.lib.provenance import records
from workflow_scripts.lib.provenance.records import Record
from workflow_scripts.lib.provenance.store import Store

log = logging.getLogger(__name__)
REPOSITORY = Path(__file__).resolve().parents[1]
MODEL_CARD = "README.md"  # in a folder of another step's files; a step of its own writes it


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--step", required=True, help="rule and wildcards")
    parser.add_argument("--code", required=True, help="digest of the step's code")
    parser.add_argument("--inputs", nargs="*", default=[], help="files; those that the command names are read")
    parser.add_argument("--outputs", nargs="+", required=True, help="files that the command makes")
    parser.add_argument("--folder", help="folder of which every file but a card is an output")
    parser.add_argument("--store", type=Path, help="folder of kept outputs; without it nothing is put back or kept")
    parser.add_argument("command", nargs="+", help="after --")
    args = parser.parse_args(argv)

    inputs = {path: records.file_digest(Path(path)) for path in records.named_inputs(args.command, args.inputs)}
    key = records.key_of(args.command, args.code, inputs)
    path = records.record_path(args.outputs)
    with _alone(path.with_suffix(".lock"), args.step.strip()) as lock:
        records.begin(path)
        store = Store(args.store) if args.store else None
        record = store.restore(key) if store else None
        if record:
            _remove_others(args.folder, record)
            log.info("%s: restored, it was made from the same before (%.0f s saved)", args.step.strip(), record.seconds)
        else:
            record = _run(args, key, inputs, lock)
            if store:
                _keep(store, record)
        records.write(path, record)


@contextmanager
def _alone(path: Path, step: str) -> Iterator[TextIO]:
    """Hold a step's lock; wait for one that a killed run left at work: its outputs have the same names.

    The command inherits the lock, and holds it if it outlives this process.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            told = "%s: a run that was killed left it at work; waiting until it ends. To end it now: kill -- -%s"
            log.warning(told, step, lock.read())
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock


def _run(args: argparse.Namespace, key: str, inputs: dict[str, str], lock: TextIO) -> Record:
    """Run the command and return its record; leave with its status if it fails."""
    details = _code_details(args.code)
    check_pins(details["pins"])
    if args.store:  # to write into an output would be to write into the store as well
        for path in {*args.outputs, *_files_of(args.folder)}:
            Path(path).unlink(missing_ok=True)
    started = time.monotonic()
    status = _call(launched(args.command, REPOSITORY), lock)
    if status:
        sys.exit(status)
    outputs = [*args.outputs, *_files_of(args.folder)]
    return Record(
        step=args.step.strip(),
        key=key,
        command=args.command,
        code=args.code,
        **details,
        inputs=inputs,
        outputs={path: records.file_digest(Path(path)) for path in sorted(set(outputs))},
        seconds=round(time.monotonic() - started, 1),
    )


def _call(command: list[str], lock: TextIO) -> int:
    """Run a command in a group of its own, whose number the lock then tells, and return its status as a shell would.

    SIGTERM and Ctrl-C go to the whole group, as `accelerate launch` does not hand them on, and its end is waited for:
    a trainer saves a checkpoint first.
    """
    with subprocess.Popen(command, process_group=0, pass_fds=[lock.fileno()]) as child:
        lock.truncate(0)
        lock.write(str(child.pid))
        lock.flush()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda given, frame: _tell(child.pid, given))
        status = child.wait()
        while _tell(child.pid, 0):
            time.sleep(0.1)
    return status if status >= 0 else 128 - status


def _tell(group: int, number: int) -> bool:
    """Send a signal (0: none) to a process group and return whether there was any process."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True


def _code_details(code: str) -> dict[str, dict[str, str]]:
    """Return the modules and pins that a code digest stands for, as the workflow wrote them before it started."""
    path = records.CODE_FOLDER / f"{code}.json"
    return jsonl.read_json(path) if path.exists() else {"modules": {}, "pins": {}}


def _keep(store: Store, record: Record) -> None:
    try:
        store.keep(record)
    except OSError as error:
        log.warning("not kept in the store: %s", error)


def _files_of(folder: str | None) -> list[str]:
    files = Path(folder).rglob("*") if folder else []
    return [str(path) for path in files if path.is_file() and path.name != MODEL_CARD]


def _remove_others(folder: str | None, record: Record) -> None:
    for path in _files_of(folder):
        if path not in record.outputs:
            Path(path).unlink()


if __name__ == "__main__":
    main()
