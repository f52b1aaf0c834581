"""What differs between how a step was made and how it would be made now, in plain words."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from workflow_scripts.lib.provenance import records
from workflow_scripts.lib.provenance.records import Record
from workflow_scripts.lib.staleness import Code

# Where a rule's section is not named as in the config files: name in the section -> name there.
_PUBLIC = {
    "acquire_objects": {"objects": "objects in the store", "version": "their bytes"},
    "clean_rows": {"": "clean."},
    "measure_rows": {"repetition_ngram": "clean.repetition_ngram"},
    "standardize": {"source.": "sources.{source}."},
    "mix_sources": {"mix.": "mix.{use}."},
    "prepare_base": {"base": "model.base"},
    "prepare_judge": {"base": "eval.safety.judge.base"},
    "judge_safety": {"eval.judge.": "eval.safety.judge."},
    "train_sft": {"curriculum": "mix.sft.curriculum"},
    "train_align": {"curriculum": "mix.preference.curriculum"},
    "merge_adapter": {"merged.": "export.merged.", "system_prompt": "model.system_prompt"},
    "evaluate_perplexity": {"max_length": "sft.max_length"},
    "evaluate_preference": {"max_length": "align.max_length"},
    "write_config": {"values.": "", "layers.": "layer of "},
}
_SHOWN = 40  # characters of a value


def changed_settings(
    rule: str, wildcards: Mapping[str, str], before: Mapping[str, Any], now: Mapping[str, Any]
) -> Iterator[str]:
    """Yield ``clean.max_repetition 0.6 → 0.5`` for each value that differs."""
    old, new = dict(_flat(before)), dict(_flat(now))
    for key in sorted(old.keys() | new.keys()):
        if key not in old:
            yield f"{_public(rule, wildcards, key)} {_shown(new[key])} is new"
        elif key not in new:
            yield f"{_public(rule, wildcards, key)} {_shown(old[key])} is gone"
        elif old[key] != new[key]:
            yield f"{_public(rule, wildcards, key)} {_shown(old[key])} → {_shown(new[key])}"


def changed_code(before: Record, now: Code) -> Iterator[str]:
    """Yield ``lib/cleaning/filters.py changed`` and ``trl 1.16.0 → 1.17.0``."""
    if before.code == now.digest:
        return
    for path in sorted(before.modules.keys() | now.modules.keys()):
        old, new = before.modules.get(path), now.modules.get(path)
        if old != new:
            yield f"{path} {'changed' if old and new else 'is imported now' if new else 'is no longer imported'}"
    for name in sorted(before.pins.keys() | now.pins.keys()):
        old, new = before.pins.get(name), now.pins.get(name)
        if old != new:
            yield f"{name} {old} → {new}" if old and new else f"{name} {new or old} is {'new' if new else 'gone'}"


def changed_files(before: Record, now: list[str]) -> Iterator[str]:
    """Yield ``data_raw/x/part2.json changed`` for each input file that was made by no step.

    Args:
        before: The record.
        now: Input files that the command names now and that exist.
    """
    for path in now:
        if path not in before.inputs:
            yield "other rows" if path.startswith("results/store/") else f"{path} is new"
        elif records.file_digest(Path(path)) != before.inputs[path]:
            yield f"{path} changed"
    for path in before.inputs:
        if not path.startswith("results/") and path not in now:
            yield f"{path} is gone"


def _flat(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, part in value.items():
            yield from _flat(part, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, value


def _public(rule: str, wildcards: Mapping[str, str], key: str) -> str:
    for start, name in _PUBLIC.get(rule, {}).items():
        if key == start or (key.startswith(start) and (start == "" or start.endswith("."))):
            return name.format(**wildcards) + key[len(start) :]
    return key


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
