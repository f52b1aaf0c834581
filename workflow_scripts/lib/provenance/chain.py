"""From a result back to the raw data: which step made it, from which files, and what made those."""

from dataclasses import dataclass
from pathlib import Path

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.provenance.records import Record, file_digest


@dataclass(frozen=True)
class Link:
    """One step of a chain.

    Attributes:
        record: Of the step.
        made_by: Input path to the step that made it; what is not here came from outside, or was made anew since.
    """

    record: Record
    made_by: dict[str, str]


def chain(file: Path, records: list[Record]) -> list[Link]:
    """Return the steps behind a file, the last one first, each once and before what it was made from.

    A file that no step made under its name is matched by its bytes: a split is read under a name in the store.

    Raises:
        UserError: If there is no such file, or no step made these bytes.
    """
    if not file.is_file():
        what = "this is a folder" if file.is_dir() else "there is no such file"
        raise UserError(what, str(file), "name a file of the results, as in FILE=results/eval/report.json")
    by_path = {path: record for record in records for path in record.outputs}
    by_bytes = {digest: record for record in records for digest in record.outputs.values()}
    digest = file_digest(file)
    last = by_path.get(str(file))
    if last is None or last.outputs[str(file)] != digest:
        last = by_bytes.get(digest)
    if last is None:
        raise UserError(
            "no step of these results made it as it is now",
            str(file),
            "it was edited, or copied without results/provenance/; run the workflow again",
        )
    links: list[Link] = []
    begun: set[str] = set()

    def maker(path: str, given: str) -> Record | None:
        # a step that ran again since made other bytes under this name: not those that were read
        now = by_path.get(path)
        return now if now and now.outputs[path] == given else by_bytes.get(given)

    def follow(record: Record) -> None:
        begun.add(record.step)
        makers = {path: maker(path, given) for path, given in record.inputs.items()}
        for earlier in makers.values():
            if earlier is not None and earlier.step not in begun:
                follow(earlier)
        links.append(Link(record, {path: made.step for path, made in makers.items() if made is not None}))

    follow(last)
    return links[::-1]
