"""Run the command of one step, or put its outputs back if the store has them, and note what they were made from."""

import argparse
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from workflow_scripts.lib import jsonl, logs
from workflow_scripts.lib.environment import check_pins
from workflow_scripts.lib.execution import launched
from workflow_scripts.lib.provenance import records
from workflow_scripts.lib.provenance.records import Record
from workflow_scripts.lib.provenance.store import Store

log = logging.getLogger(__name__)
REPOSITORY = Path(__file__).resolve().parents[1]


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--step", required=True, help="rule and wildcards")
    parser.add_argument("--code", required=True, help="digest of the step's code")
    parser.add_argument("--inputs", nargs="*", default=[], help="files; those that the command names are read")
    parser.add_argument("--outputs", nargs="+", required=True, help="files that the command makes")
    parser.add_argument("--folder", help="folder of which every file is an output, declared or not")
    parser.add_argument("--store", type=Path, help="folder of kept outputs; without it nothing is put back or kept")
    parser.add_argument("command", nargs="+", help="after --")
    args = parser.parse_args(argv)

    inputs = {path: records.file_digest(Path(path)) for path in records.named_inputs(args.command, args.inputs)}
    key = records.key_of(args.command, args.code, inputs)
    path = records.record_path(args.outputs)
    records.begin(path)
    store = Store(args.store) if args.store else None
    record = store.restore(key) if store else None
    if record:
        _remove_others(args.folder, record)
        log.info("%s: restored, it was made from the same before (%.0f s saved)", args.step.strip(), record.seconds)
    else:
        record = _run(args, key, inputs)
        if store:
            _keep(store, record)
    records.write(path, record)


def _run(args: argparse.Namespace, key: str, inputs: dict[str, str]) -> Record:
    """Run the command and return its record; leave with its status if it fails."""
    details = _code_details(args.code)
    check_pins(details["pins"])
    for path in args.outputs:  # a command that opens one to write would write into the store as well
        Path(path).unlink(missing_ok=True)
    started = time.monotonic()
    status = _call(launched(args.command, REPOSITORY))
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


def _call(command: list[str]) -> int:
    """Run a command in a group of its own and return its exit status as a shell would.

    SIGTERM and Ctrl-C go to the whole group, as `accelerate launch` does not hand them on, and its end is waited for:
    a trainer saves a checkpoint first.
    """
    with subprocess.Popen(command, process_group=0) as child:
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
    return [str(path) for path in Path(folder).rglob("*") if path.is_file()] if folder else []


def _remove_others(folder: str | None, record: Record) -> None:
    for path in _files_of(folder):
        if path not in record.outputs:
            Path(path).unlink()


if __name__ == "__main__":
    main()
