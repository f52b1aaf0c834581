"""A recorded step once more, with other files in the place of its own, so that nothing of the results is touched."""

from collections.abc import Collection, Mapping
from pathlib import Path

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.provenance.records import Record


def record_of(records: list[Record], step: str) -> Record:
    """Return the record of a step.

    Raises:
        UserError: If it has none: it has not run yet.
    """
    for record in records:
        if record.step == step:
            return record
    raise UserError(
        f"no record of {step!r}",
        "results/provenance",
        "make the data first: snakemake --cores 1 results/data/card.json",
    )


def arguments_of(record: Record, config: str, instead: Mapping[str, Path | None]) -> list[str]:
    """Return the words after the script's name, with another config and other files.

    Args:
        record: Of the step.
        config: Value of ``--config``.
        instead: Path in the record to the path that takes its place; None: it is left out.
    """
    words = record.command[record.command.index("-m") + 2 :]
    words[words.index("--config") + 1] = config
    return [str(found) for word in words if (found := instead.get(word, word)) is not None]


def left_out(record: Record, sources: Collection[str]) -> dict[str, None]:
    """Return the files of a record that are one source's, ``<source>.jsonl`` or the like, of these: none of them."""
    return {path: None for path in (*record.inputs, *record.outputs) if Path(path).stem in sources}


def file_of(record: Record, flag: str) -> Path:
    """Return the first file after a flag."""
    return Path(record.command[record.command.index(f"--{flag}") + 1])
