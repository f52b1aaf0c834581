"""List what the store of earlier results keeps, or forget the longest unused of it."""

import argparse
import sys
from datetime import datetime
from pathlib import Path

from workflow_scripts.lib import final_words, logs
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.provenance import sharing
from workflow_scripts.lib.provenance.sizes import parse_size, size
from workflow_scripts.lib.provenance.store import Entry, Loose, Store


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("list", "prune"))
    parser.add_argument("--results", type=Path, required=True, help="folder of the results")
    parser.add_argument("--max-size", type=parse_size, help="prune to this size, such as 5GB; 0 forgets all not in use")
    args = parser.parse_args(argv)
    if args.what == "prune" and args.max_size is None:
        parser.error("prune needs --max-size")

    store = Store(args.results / "store")
    current, splits = sharing.current_records(store.folder), sharing.splits_in_use(store.folder)
    if args.what == "list":
        _print([*store.entries(current), *store.loose(splits)])
    else:
        with final_words.hold(args.results), sharing.take_part(store.folder) as lock:
            if not sharing.is_alone(lock):
                raise UserError("a run is at work with this store", str(store.folder), "wait for it")
            gone = store.prune(args.max_size, current, splits)
        _print(gone)
        sys.stdout.write(f"{len(gone)} forgotten\n")
    sys.stdout.write(f"{size(store.num_bytes())} in {args.results / 'store'}\n")


def _print(entries: list[Entry | Loose]) -> None:
    for entry in sorted(entries, key=lambda entry: entry.used_at):
        used = datetime.fromtimestamp(entry.used_at).isoformat(" ", "minutes")
        state = "in use" if entry.in_use else "      "
        sys.stdout.write(f"{used}  {state}  {size(entry.num_bytes):>9}  {_name(entry)}\n")


def _name(entry: Entry | Loose) -> str:
    if isinstance(entry, Entry):
        return f"{entry.record.key[:8]}  {entry.record.step}"
    return f"{entry.path.stem[:8]}  {'a task of evaluate_harness' if entry.path.suffix == '.json' else 'a split'}"


if __name__ == "__main__":
    main()
