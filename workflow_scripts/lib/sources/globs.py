"""Globs over the names of an archive's members."""

import re


def matcher(glob: str) -> re.Pattern[str]:
    """Compile a glob: ``*`` and ``?`` stay within one folder, ``**`` crosses folders; a folder's name means all in it.

    ``{a,b}`` is one of the names in it.

    >>> bool(matcher("dist/*.json").fullmatch("dist/error/a.json"))
    False
    """
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\{[^{}/]*\})", glob.strip("/"))
    meaning = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pattern = "".join(meaning.get(part) or _one_of(part) for part in parts)
    return re.compile(f"{pattern}(?:/.*)?", re.DOTALL)


def _one_of(part: str) -> str:
    if not part.startswith("{"):
        return re.escape(part)
    return f"(?:{'|'.join(map(re.escape, part[1:-1].split(',')))})"
