"""Run the command of one step, or put its outputs back if the store has them, and note what they were made from."""

import argparse
import dataclasses
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

from workflow_scripts.lib import devices, jsonl, logs
from workflow_scripts.lib.environment import check_pins, go_on_in
from workflow_scripts.lib.execution import execution, launched, takes_all
from workflow_scripts.lib.provenance import records
from workflow_scripts.lib.provenance.records import Record
from workflow_scripts.lib.provenance.store import Store

log = logging.getLogger(__name__)
REPOSITORY = Path(__file__).resolve().parents[1]
HEAVY = "torch"  # what imports it trains or evaluates, on the GPU or on all cores
MODEL_CARD = "README.md"  # in a folder of another step's files; a step of its own writes it


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--step", required=True, help="rule and wildcards")
    parser.add_argument("--code", required=True, help="digest of the step's code")
    parser.add_argument("--inputs", nargs="*", default=[], help="files; those that the command names are read")
    parser.add_argument("--parts", nargs="*", default=[], help="inputs that are parts of what the others would give")
    parser.add_argument("--outputs", nargs="+", required=True, help="files that the command makes")
    parser.add_argument("--folder", help="folder of which every file but a card is an output")
    parser.add_argument("--store", type=Path, help="folder of kept outputs; without it nothing is put back or kept")
    parser.add_argument("command", nargs="+", help="after --")
    args = parser.parse_args(argv)
    python = execution().get("unsloth_python")
    if python and "unsloth" in _code_details(args.code)["pins"]:
        go_on_in(Path(os.path.normpath(REPOSITORY / python)), "workflow_scripts.run_step", argv or sys.argv[1:])

    # In how many parts it was made is how it ran: the outputs are the same, and so are key and record.
    parts = set(args.parts)
    named = [path for path in records.named_inputs(args.command, args.inputs) if path not in parts]
    inputs = {path: records.file_digest(Path(path)) for path in named}
    words = [word for word in args.command if word not in parts]
    key = records.key_of(_named_from_repository(words), args.code, _named_from_repository(inputs))
    path = records.record_path(args.outputs)
    with _alone(path.with_suffix(".lock"), args.step.strip()) as lock:
        records.begin(path)
        if args.store is None:
            record = _run(args, key, inputs, lock)
        else:
            store, step = Store(args.store), args.step.strip()
            with store.reserved(key, lambda: log.info("%s: another run is making the same; waiting for it", step)):
                record = _restore(store, args, key, inputs) or _run(args, key, inputs, lock, store)
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
            told = "%s: a run that was killed left it at work; waiting until it ends. To end it now: %s"
            log.warning(told, step, lock.read())
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock


def _named_from_repository(named: list[str] | dict[str, str]) -> list[str] | dict[str, str]:
    """Return words, or digests by path, with the repository's files named as a run in the repository names them.

    So a step has one key wherever it runs, and folders that share a store share what it made.
    """
    above = f"{os.path.relpath(REPOSITORY)}/"
    if isinstance(named, dict):
        return {path.removeprefix(above): digest for path, digest in named.items()}
    return [word.removeprefix(above) for word in named]


def _restore(store: Store, args: argparse.Namespace, key: str, inputs: dict[str, str]) -> Record | None:
    """Put the outputs back and return the record of it, if the store has them."""
    found = store.restore(key)
    if found is None:
        return None
    _remove_others(args.folder, found)
    step = args.step.strip()
    log.info("%s: restored, it was made from the same before (%.0f s saved)", step, found.seconds)
    return dataclasses.replace(found, command=args.command, inputs=inputs)  # as they are named in this folder


def _run(
    args: argparse.Namespace, key: str, inputs: dict[str, str], lock: TextIO, store: Store | None = None
) -> Record:
    """Run the command, keep its outputs and return its record; leave with its status if it fails."""
    details = _code_details(args.code)
    check_pins(details["pins"])
    if store:  # to write into an output would be to write into the store as well
        for path in {*args.outputs, *_files_of(args.folder)}:
            Path(path).unlink(missing_ok=True)
    told = "%s: waiting until another run has done with the device"
    num_processes = execution()["num_processes"] if takes_all(args.command) else 1
    waiting = devices.reserved(HEAVY in details["pins"], lambda: log.info(told, args.step.strip()), num_processes)
    with waiting as device:
        started = time.monotonic()
        status = _call(launched(args.command, REPOSITORY), [lock, *device.locks], device.variables)
    if status:
        sys.exit(status)
    outputs = [*args.outputs, *_files_of(args.folder)]
    record = Record(
        step=args.step.strip(),
        key=key,
        command=args.command,
        code=args.code,
        **details,
        inputs=inputs,
        outputs={path: records.file_digest(Path(path)) for path in sorted(set(outputs))},
        seconds=round(time.monotonic() - started, 1),
    )
    if store:
        _keep(store, record)
    return record


def _call(command: list[str], locks: list[TextIO], variables: dict[str, str]) -> int:
    """Run a command in a group of its own and return its status as a shell would.

    It inherits the locks, and holds them if it outlives this process; the first one then tells how to end it.

    SIGTERM and Ctrl-C go to the whole group, as `accelerate launch` does not hand them on, and its end is waited for:
    a trainer saves a checkpoint first.
    """
    lock, fds = locks[0], [lock.fileno() for lock in locks]
    with subprocess.Popen(command, process_group=0, pass_fds=fds, env=os.environ | variables) as child:
        lock.truncate(0)
        lock.write(_how_to_end(child.pid))
        lock.flush()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda given, frame: _tell(child.pid, given))
        status = child.wait()
        while _tell(child.pid, 0):
            time.sleep(0.1)
    return status if status >= 0 else 128 - status


def _how_to_end(group: int) -> str:
    """Return the command that ends a process group, on whatever node of a cluster it is."""
    job = os.environ.get("SLURM_JOB_ID")
    return f"scancel {job}" if job else f"kill -- -{group}"


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
