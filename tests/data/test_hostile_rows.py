"""No row, however odd, may stop a run or get lost: every adapter, on rows that hypothesis makes up and spoils."""

import copy
import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.data import true_rows
from workflow_scripts.lib.accounting import is_further
from workflow_scripts.lib.adapters import registry
from workflow_scripts.lib.adapters.base import Context
from workflow_scripts.lib.adapters.selection import fields_of
from workflow_scripts.lib.jsonl import dumps
from workflow_scripts.lib.records import ROLES, Drop, RawRow

ADAPTERS = sorted(registry.MODULES)
KEYS = {
    "sft": ["id", "source", "messages", "lang", "weight", "group", "meta", "hash"],
    "preference": ["id", "source", "prompt", "chosen", "rejected", "lang", "group", "meta", "hash"],
}


def nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


NASTY = [
    *(None, True, False, 0, 1, -1, 0.5, 10**400, math.nan, math.inf, "", " ", "0", "NaN", "1e999", "true", "[]", "{}"),
    *(
        "[[[[",
        '[{"role": "user", "content": "x"}]',
        '{"a": [1]}',
        "\ud800",
        "\x00",
        "\ufeff",
        "\u202e文",
        "&lt;<b>",
        "<",
    ),
    *([], {}, [None], [[]], [{}], {"a": None}, {"a": []}, {"from": []}, nested(50), "长" * 3000),
    *(
        [["问", "答"]],
        [["问", 1]],
        {"response": "{}"},
        {"Q": "x"},
        ["\ud800"],
        {"\ud800": "x"},
        "\n\nHuman: x",
        "354-0-0",
    ),
]
TEXTS = st.text(st.characters(), max_size=20)  # surrogates too
LEAVES = st.one_of(st.sampled_from(NASTY), TEXTS, st.integers(), st.floats())
NAMES = sorted(
    {name for adapter in ADAPTERS for name in fields_of(registry.load(adapter, "s"))}
    | {"role", "content", "from", "value", "text", "response", "replies", "pm_score", "selected", "annotations"}
    | {"overall_score", "Rating", "contexts", "labels", "354-0-0", "question", "answer"}
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | TEXTS, inner, max_size=4),
    max_leaves=12,
)


def convert(adapter: str, values: list[dict], use: str, options: dict, folder: str = "term_up") -> list[dict | Drop]:
    module = registry.load(adapter, "s")
    raws = [RawRow(f"s/poisoned.json#{number}", value, folder) for number, value in enumerate(values)]
    results = list(module.convert(iter(raws), module.Options.model_validate(options), Context("s", use, 42)))
    check_all_accounted(raws, results)
    for result in results:
        check_writable(result, use)
    return results


def check_all_accounted(raws: list[RawRow], results: list[dict | Drop]) -> None:
    ids = [result.id if isinstance(result, Drop) else result["id"] for result in results]
    assert len(set(ids)) == len(ids)
    assert sorted(each for each in ids if not is_further(each)) == sorted(raw.id for raw in raws)


def check_writable(result: dict | Drop, use: str) -> None:
    """Check that the row or line can be written as strict JSON in UTF-8, and has the contract's keys and types."""
    line = result.line("standardize") if isinstance(result, Drop) else result
    dumps(line).encode("utf-8")
    json.dumps(line, allow_nan=False)
    if isinstance(result, Drop):
        assert result.reason and result.detail
        return
    assert [key for key in KEYS["preference" if use == "preference" else "sft"] if key in line] == list(line)
    for name in ("messages", "prompt", "chosen", "rejected"):
        for message in line.get(name, []):
            assert list(message) == ["role", "content"] and message["role"] in ROLES
            assert isinstance(message["content"], str)
    assert line.get("meta", {"": 0}) != {}
    if use == "preference":
        assert [message["role"] for message in line["chosen"] + line["rejected"]] == ["assistant"] * 2


@st.composite
def spoiled(draw: Callable, rows: list[dict]) -> list[dict]:
    """Draw a few true rows, some with values anywhere in them replaced, removed, or put under another name."""
    drawn = [copy.deepcopy(row) for row in draw(st.lists(st.sampled_from(rows), min_size=1, max_size=5))]
    for row in drawn:
        for _ in range(draw(st.integers(0, 3))):
            spoil(draw, row)
    return drawn


def spoil(draw: Callable, row: dict) -> None:
    place: Any = row
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = draw(st.sampled_from(keys))
        if not isinstance(place[key], (dict, list)) or not place[key] or draw(st.booleans()):
            break
        place = place[key]
    how = draw(st.sampled_from(["replace", "remove", "rename", "as_text"]))
    if how == "remove":
        del place[key]
    elif how == "rename" and isinstance(place, dict):
        place[draw(st.sampled_from(NAMES))] = place.pop(key)
    elif how == "as_text":
        place[key] = json.dumps(place[key])
    else:
        place[key] = draw(VALUES)


CHECKED = settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
)
USES = [(adapter, use) for adapter in ADAPTERS for use in registry.load(adapter, "s").USES]


@pytest.mark.parametrize(("adapter", "use"), USES)
def test_true_rows_become_rows(adapter: str, use: str) -> None:
    for options in true_rows.OPTIONS.get(adapter, [{}]):
        results = convert(adapter, true_rows.ROWS[adapter], use, options, "action_explicit_reduce")
        assert any(not isinstance(result, Drop) for result in results), results


@pytest.mark.parametrize(("adapter", "use"), USES)
@CHECKED
@given(data=st.data())
def test_spoiled_rows(adapter: str, use: str, data: st.DataObject) -> None:
    options = data.draw(st.sampled_from(true_rows.OPTIONS.get(adapter, [{}])))
    convert(adapter, data.draw(spoiled(true_rows.ROWS[adapter])), use, options)


@pytest.mark.parametrize("adapter", ADAPTERS)
@CHECKED
@given(data=st.data())
def test_rows_of_anything(adapter: str, data: st.DataObject) -> None:
    options = data.draw(st.sampled_from(true_rows.OPTIONS.get(adapter, [{}])))
    names = st.sampled_from(fields_of(registry.load(adapter, "s"))) | st.sampled_from(NAMES) | TEXTS
    convert(
        adapter,
        data.draw(st.lists(st.dictionaries(names, VALUES, max_size=8), min_size=1, max_size=4)),
        registry.load(adapter, "s").USES[0],
        options,
    )


@pytest.mark.parametrize(("adapter", "use"), USES)
def test_each_nasty_value_in_each_place(adapter: str, use: str) -> None:
    """Thousands of rows: one nasty value in one place, at the top and inside, of a true row."""
    for options in true_rows.OPTIONS.get(adapter, [{}])[:1]:
        rows = [
            changed
            for row in true_rows.ROWS[adapter]
            for path in places(row)
            for value in [*NASTY, nested(5000)]  # too deep for hypothesis
            for changed in [replaced(row, path, value)]
        ]
        assert len(rows) >= 2 * len(NASTY)
        convert(adapter, rows, use, options)


def test_a_field_of_meta_has_one_type_in_all_rows_of_all_sources() -> None:
    """Readers that infer columns, such as datasets, refuse a file in which a field has two."""
    types: dict[str, set[str]] = {}
    for adapter, use in USES:
        options = true_rows.OPTIONS.get(adapter, [{}])[0]
        rows = [
            replaced(row, path, value) for row in true_rows.ROWS[adapter] for path in places(row) for value in NASTY
        ]
        for result in convert(adapter, rows, use, options):
            for name, value in ({} if isinstance(result, Drop) else result).get("meta", {}).items():
                types.setdefault(name, set()).update(kinds(value))
    assert len(types) > 30
    assert {name: found for name, found in types.items() if len(found) > 1} == {}


def kinds(value: Any) -> set[str]:
    """Return the types in a value; null goes with any."""
    if isinstance(value, list):
        return {f"list of {kind}" for item in value for kind in kinds(item)}
    return set() if value is None else {type(value).__name__}


def places(value: Any, path: tuple = ()) -> list[tuple]:
    if isinstance(value, dict):
        inner = [place for key, part in value.items() for place in places(part, (*path, key))]
    elif isinstance(value, list):
        inner = [place for key, part in enumerate(value[:2]) for place in places(part, (*path, key))]
    else:
        inner = []
    return ([path] if path else []) + inner


def replaced(row: dict, path: tuple, value: Any) -> dict:
    changed = copy.deepcopy(row)
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return changed
