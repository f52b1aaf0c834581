"""Whether a file tells of what is there now, or of what was there when it was made."""

from pathlib import Path

from workflow_scripts.lib.provenance.records import Record, file_digest


def changed_since(file: str, records: list[Record], within: tuple[str, ...]) -> list[str]:
    """Return the files that are others now than when a file was made from them, straight or by way of others.

    Args:
        file: As its run named it, in the working directory of that run.
        records: Of all steps of that run.
        within: How the names of files begin that are looked at.
    """
    by_path = {path: record for record in records for path in record.outputs}
    changed: list[str] = []
    seen: set[str] = set()

    def follow(name: str) -> None:
        for path, digest in by_path[name].inputs.items() if name in by_path else ():
            if path in seen or not path.startswith(within):
                continue
            seen.add(path)
            if Path(path).is_file() and file_digest(Path(path)) != digest:
                changed.append(path)
            else:
                follow(path)

    follow(file)
    return sorted(changed)
