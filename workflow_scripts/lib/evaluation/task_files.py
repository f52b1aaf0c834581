"""A person's own files of a public evaluation task: which subset and split each holds, told by its name.

The names are those of the hub and of the authors' archives: ``test/agronomy.csv``, ``accountant_val.csv``,
``main/train-00000-of-00001.parquet``, ``hellaswag_val.jsonl``, ``train_xl.jsonl``, ``dev.jsonl``.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from workflow_scripts.lib.errors import UserError

WORDS = {"training": "train", "valid": "validation", "val": "validation"}  # other words for a split
SPLITS = ("train", "training", "validation", "valid", "val", "dev", "test")
STANDS_FOR = {"validation": "dev", "dev": "train"}  # a split that serves where the wanted one is not there
_SHARD = re.compile(r"-\d+-of-\d+$")
_PACKED = (".gz", ".xz", ".zst")


@dataclass(frozen=True)
class DataSet:
    """What a task reads.

    Attributes:
        path: Name on the hub, ``owner/name``.
        subsets: Names of its configs; None is the only one of a data set without any.
        evaluated: The split that is evaluated.
        shown: The split that examples in the prompt are taken from, if there is one.
    """

    path: str
    subsets: tuple[str | None, ...]
    evaluated: str
    shown: str | None

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(split for split in (self.evaluated, self.shown) if split))


Place = tuple[str | None, str]  # subset, split


def sort_files(names: Iterable[str], data: DataSet, task: str) -> dict[Place, list[str]]:
    """Return the files of each subset and split, parts of one table in order. Files of other subsets are left out.

    Args:
        names: Paths below the task's folder; a file in an archive is ``<archive>/<path in it>``.
        task: The task's name, which file names may repeat.

    Raises:
        UserError: If a table is there twice.
    """
    read = [_read(name, data, task) for name in sorted(names)]
    found: dict[Place, list[str]] = {}
    for subset in data.subsets:
        for split in data.splits:
            files = _of_place(read, data, subset, split)
            stems = {_SHARD.sub("", _stem(name)) for name in files}
            folders = {str(PurePosixPath(name).parent) for name in files}
            if len(stems) > 1 or len(folders) > 1 or (len(files) > 1 and not all(map(_is_shard, files))):
                raise UserError(
                    f"several files for {' '.join(filter(None, (subset, split)))}: {', '.join(files)}",
                    f"data_raw/eval/{task}/",
                    "leave one of them there",
                )
            if files:
                found[subset, split] = files
    return found


@dataclass(frozen=True)
class _Read:
    """What a name says: the split's word, and the words that may be the subset's name."""

    name: str
    split: str | None
    words: frozenset[str]
    rest: str


def _read(name: str, data: DataSet, task: str) -> _Read:
    *folders, stem = (part.lower() for part in (*PurePosixPath(name).parts[:-1], _stem(name)))
    known = sorted({*SPLITS, *(split.lower() for split in data.splits)}, key=len, reverse=True)
    word = re.compile(rf"(?<![a-z0-9])({'|'.join(map(re.escape, known))})(?![a-z0-9])")
    split, rest = None, _SHARD.sub("", stem)
    if match := next(reversed(list(word.finditer(rest))), None):
        split, rest = match[0], (rest[: match.start()] + rest[match.end() :])
    else:
        split = next((folder for folder in reversed(folders) if word.fullmatch(folder)), None)
    rest = rest.strip("-_. ")
    own = {task.lower(), *data.path.lower().split("/")}
    if rest in own:
        rest = ""
    names = {rest, *folders} | {rest.removeprefix(f"{name}_") for name in own}
    return _Read(name, split and WORDS.get(split, split), frozenset(names - {""}), rest)


def _of_place(read: list[_Read], data: DataSet, subset: str | None, split: str) -> list[str]:
    wanted = WORDS.get(split.lower(), split.lower())
    others = {WORDS.get(other.lower(), other.lower()) for other in data.splits}
    for word in (wanted, STANDS_FOR.get(wanted)):
        if word is None or (word != wanted and word in others):
            continue
        of_split = [file for file in read if file.split == word or (file.split is None and split == data.evaluated)]
        if subset is not None:
            named = [file.name for file in of_split if _names(file, subset, data)]
            if named or len(data.subsets) > 1:
                if named:
                    return named
                continue
        if nameless := [file.name for file in of_split if not file.rest]:
            return nameless
    return []


def _names(file: _Read, subset: str, data: DataSet) -> bool:
    own = data.path.lower().split("/")[-1]
    return bool({subset.lower(), subset.lower().removeprefix(f"{own}_")} & file.words)


def _stem(name: str) -> str:
    base = PurePosixPath(name).name.lower()
    base = base.removesuffix(next((end for end in _PACKED if base.endswith(end)), ""))
    return PurePosixPath(base).stem


def _is_shard(name: str) -> bool:
    return bool(_SHARD.search(_stem(name)))
