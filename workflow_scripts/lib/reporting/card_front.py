"""The front matter of the data card: what a hub reads of it, and how it finds the splits."""

from typing import Any

import yaml

from workflow_scripts.lib.reporting import licences

_SIZES = ((1_000, "1K"), (10_000, "10K"), (100_000, "100K"), (1_000_000, "1M"), (10_000_000, "10M"), (10**8, "100M"))
_HUB_NAMES = {"train": "train", "val": "validation", "test": "test"}


def front_matter(card: dict[str, Any]) -> str:
    """Return the front matter with its fences.

    Uploaded as a folder with the card as README.md, each use is a config of the data set and the viewer shows it.
    """
    used = [source["license"] for source in card["sources"].values() if source["used"]]
    languages = sorted({lang for sums in card["uses"].values() for lang in sums["languages"] if len(lang) == 2})
    values: dict[str, Any] = {"pretty_name": f"Tuiqiao {card['recipe']}"}
    values |= licences.front_matter(used)
    values |= {
        "language": languages,
        "task_categories": ["text-generation"],
        "size_categories": [size_category(sum(sums["rows"] for sums in card["uses"].values()))],
        "tags": ["tuiqiao", *(f"{use}-data" for use in card["uses"])],
        "configs": [
            {
                "config_name": use,
                "data_files": [
                    {"split": _HUB_NAMES[split], "path": f"{use}/{split}.jsonl"}
                    for split, rows in sums["splits"].items()
                    if rows
                ],
            }
            for use, sums in card["uses"].items()
        ],
    }
    return f"---\n{yaml.safe_dump(values, allow_unicode=True, sort_keys=False)}---"


def size_category(rows: int) -> str:
    """Return the hub's name of a number of rows."""
    below = [name for limit, name in _SIZES if rows >= limit]
    above = [name for limit, name in _SIZES if rows < limit]
    if not below:
        return "n<1K"
    return f"{below[-1]}<n<{above[0]}" if above else "100M<n<1B"
