"""Which files below data_raw/eval/ hold texts of an evaluation."""

TABLES = (".json", ".jsonl", ".csv", ".tsv", ".parquet")
_PACKED = (".gz", ".xz", ".zst")
_ARCHIVES = (".zip", ".tar", ".tgz")


def is_table(name: str) -> bool:
    """Tell whether a file, or one in an archive, holds a table; what else lies there (README, licence) does not."""
    return _plain(name).endswith(TABLES)


def holds_tables(name: str) -> bool:
    return _plain(name).endswith((*TABLES, *_ARCHIVES))


def _plain(name: str) -> str:
    name = name.lower()
    return name.removesuffix(next((end for end in _PACKED if name.endswith(end)), ""))
