"""Lay out a person's own files of one official harness task, so that its definition reads them instead of the hub."""

import argparse
import logging
from pathlib import Path

from workflow_scripts.lib import jsonl, logs
from workflow_scripts.lib.evaluation import official_tasks, task_data
from workflow_scripts.lib.readers.files import read_file

log = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, help="JSON: nothing")
    parser.add_argument("--task", required=True, help="a task or group of lm-evaluation-harness")
    parser.add_argument(
        "--files", type=Path, nargs="+", required=True, help="below data_raw/eval/<task>/: tables, zips"
    )
    parser.add_argument(
        "--manifest", type=Path, required=True, help="JSON to write; the data set is laid out beside it"
    )
    args = parser.parse_args(argv)
    logs.start()

    data = official_tasks.data_of(official_tasks.find([args.task]), args.task)
    files = {path.as_posix().partition(f"/eval/{args.task}/")[2]: path for path in args.files}
    records = task_data.by_file(files, lambda path: read_file(path, encoding=None))
    manifest = task_data.lay_out(args.task, data, records, args.manifest.parent)
    jsonl.write_json(args.manifest, manifest)
    rows = sum(splits[data.evaluated]["rows"] for splits in manifest["subsets"].values())
    log.info("%s: %d rows of %d subsets to be evaluated", args.task, rows, len(manifest["subsets"]))
    if manifest["not_used"]:
        log.warning("%s: not used: %s", args.task, ", ".join(manifest["not_used"]))


if __name__ == "__main__":
    main()
