"""Split mixed rows by group into train, val and test."""

import argparse
import json
import logging
from collections.abc import Generator
from pathlib import Path

from workflow_scripts.lib import logs
from workflow_scripts.lib.accounting import Counting, Sums
from workflow_scripts.lib.config.data import Split
from workflow_scripts.lib.config.fields import Section
from workflow_scripts.lib.jsonl import write_json
from workflow_scripts.lib.splitting.buckets import SPLITS
from workflow_scripts.lib.splitting.store import publish, split_rows

log = logging.getLogger(__name__)


class Splitting(Section):
    split: Split


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Splitting.model_validate_json, required=True)
    parser.add_argument("--mixed", type=Path, required=True)
    for name in SPLITS:
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--manifest", type=Path, required=True, help="which file of the store each split is")
    parser.add_argument("--store", type=Path, required=True, help="folder of files named by their content")
    args = parser.parse_args(argv)

    lines = Counting(_lines(args.mixed))
    manifest = split_rows(((json.loads(line)["group"], line) for line in lines), args.config.split, args.store)
    num_out = sum(manifest[name]["rows"] for name in SPLITS)
    Sums("split", "rows", lines.num_read, num_out, {}).check(args.mixed.parent.name)
    for name in SPLITS:
        publish(args.store / manifest[name]["file"], getattr(args, name))
        log.info("%s: %d rows", name, manifest[name]["rows"])
    write_json(args.manifest, manifest)


def _lines(path: Path) -> Generator[str, None, int]:
    num_lines = 0
    with path.open(encoding="utf-8", newline="\n") as stream:
        for line in stream:
            num_lines += 1
            yield line
    return num_lines


if __name__ == "__main__":
    main()
