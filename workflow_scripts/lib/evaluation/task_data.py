"""Lay a person's own files of an official task out as the data set that its definition names.

``datasets`` takes a folder for a data set of the hub where one of that name is below the working directory. So the
harness's own definition reads these files unchanged, in our process and in a stock ``lm-eval`` started in the folder.
"""

import hashlib
import re
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from workflow_scripts.lib import jsonl
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.evaluation.task_files import DataSet, Place, sort_files
from workflow_scripts.lib.evaluation.task_tables import schema, table
from workflow_scripts.lib.evaluation_files import is_table
from workflow_scripts.lib.readers.parsed import Parsed

MANIFEST = "manifest.json"
DEFAULT = "default"  # the config's name where a data set has only one


def lay_out(task: str, data: DataSet, records: dict[str, list[Parsed]], folder: Path) -> dict[str, Any]:
    """Write the tables and the card that tells ``datasets`` of them, and return what there is.

    Args:
        records: Path below ``data_raw/eval/<task>/`` -> the rows of that file.
        folder: Where ``<owner>/<name>/`` is laid out.

    Raises:
        UserError: If nothing of what is evaluated is there.
    """
    places = sort_files(records, data, task)
    subsets = [subset for subset in data.subsets if (subset, data.evaluated) in places]
    if not subsets:
        raise UserError(
            f"no file for the split {data.evaluated!r} of {task}; found {', '.join(sorted(records)) or 'none'}",
            f"data_raw/eval/{task}/",
            f"name the files {_example(data)}, as .parquet, .jsonl or .csv, plain or in a zip",
        )
    target = folder / data.path
    shutil.rmtree(target, ignore_errors=True)  # tables of subsets that are no longer there
    target.mkdir(parents=True)
    laid_out: dict[str, dict[str, dict]] = {}
    for subset in subsets:
        splits = {split: _write(target, (subset, split), places, records, data) for split in data.splits}
        laid_out[subset or DEFAULT] = splits
    configs = [
        {"config_name": name, "data_files": [{"split": split, "path": kept["path"]} for split, kept in splits.items()]}
        for name, splits in laid_out.items()
    ]
    with jsonl.atomic_writer(target / "README.md") as stream:
        stream.write(f"---\n{yaml.safe_dump({'configs': configs}, sort_keys=False)}---\n")
    used = {name for files in places.values() for name in files}
    return {"task": task, "data_set": data.path, "subsets": laid_out, "not_used": sorted(set(records) - used)}


def by_file(files: dict[str, Path], read: Callable[[Path], Iterable[Parsed]]) -> dict[str, list[Parsed]]:
    """Return the records of each file, and of each table in an archive as ``<archive>/<its path>``."""
    records: dict[str, list[Parsed]] = defaultdict(list)
    for name, path in files.items():
        for record in read(path):
            if not record.member:
                records[name].append(record)
            elif is_table(record.member):
                records[f"{name}/{record.member}"].append(record)
    return dict(records)


def _write(
    target: Path, place: Place, places: dict[Place, list[str]], records: dict[str, list[Parsed]], data: DataSet
) -> dict[str, Any]:
    """Write one split; one that only examples would come from may be missing, and is written without rows."""
    files = places.get(place, [])
    tables = [table(records[name], data.path, name) for name in files]
    if not tables:  # the columns of the split that is there
        files_of_evaluated = places[place[0], data.evaluated]
        tables = [table(records[files_of_evaluated[0]], data.path, files_of_evaluated[0]).slice(0, 0)]
    path = target / f"{_file_name(place[0] or DEFAULT)}.{_file_name(place[1])}.parquet"
    rows = pa.concat_tables(tables)
    pq.write_table(rows if schema(data.path) is None else rows.cast(schema(data.path)), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"path": path.name, "rows": rows.num_rows, "sha256": digest, "files": files}


def _file_name(name: str) -> str:
    return re.sub(r"[^\w-]", "_", name)


def _example(data: DataSet) -> str:
    subset = data.subsets[0]
    return f"{subset}/{data.evaluated}" if subset else data.evaluated
