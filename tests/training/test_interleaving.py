"""Two files of pairs in one order."""

import pytest

from workflow_scripts.lib.training.interleaving import interleaved


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["abcd"], "abcd"),
        (["abcd", ""], "abcd"),
        (["abcdef", "XY"], "abXcdeYf"),
        (["ab", "XY"], "aXbY"),
        (["", "XY"], "XY"),
    ],
)
def test_each_part_holds_its_share_of_each_file(files: list[str], expected: str) -> None:
    rows = [[{"id": name} for name in file] for file in files]
    assert "".join(row["id"] for row in interleaved(rows)) == expected
