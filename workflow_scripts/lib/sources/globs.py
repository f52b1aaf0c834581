"""Globs over the names of an archive's members."""

import re


def matcher(glob: str) -> re.Pattern[str]:
    """Compile a glob: ``*`` and ``?`` stay within one folder, ``**`` crosses folders; a folder's name means all in it.

    >>> bool(matcher("dist/*.json").fullmatch("dist/error/a.json"))
    False
    """
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", glob.strip("/"))
    meaning = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pattern = "".join(meaning.get(part, re.escape(part)) for part in parts)
    return re.compile(f"{pattern}(?:/.*)?", re.DOTALL)
