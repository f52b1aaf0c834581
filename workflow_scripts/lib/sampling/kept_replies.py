"""Replies that were written before the run was cut off: a file that grows by one batch at a time."""

import json
import os
from pathlib import Path

from workflow_scripts.lib.generation import Reply
from workflow_scripts.lib.jsonl import dumps

Key = tuple[str, int]  # id of the row, number of the sample


class KeptReplies:
    """Replies by row and sample, in memory and in a file.

    Args:
        path: JSON Lines; a last line that a killed run did not finish is cut off.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.replies: dict[Key, Reply] = {}
        whole = 0
        for line in path.read_bytes().splitlines(keepends=True) if path.exists() else []:
            try:
                row = json.loads(line)
            except ValueError:
                break
            if not line.endswith(b"\n"):
                break
            self.replies[row["id"], row["sample"]] = Reply(row["text"], row["tokens"], row["stopped"])
            whole += len(line)
        if path.exists():
            os.truncate(path, whole)

    def add(self, replies: dict[Key, Reply]) -> None:
        """Keep a batch; it is on the disk when this returns."""
        lines = [
            dumps(
                {"id": row_id, "sample": sample, "text": reply.text, "tokens": reply.tokens, "stopped": reply.stopped}
            )
            for (row_id, sample), reply in replies.items()
        ]
        with self._path.open("a", encoding="utf-8", newline="\n") as stream:
            stream.write("".join(f"{line}\n" for line in lines))
            stream.flush()
            os.fsync(stream.fileno())
        self.replies |= replies
