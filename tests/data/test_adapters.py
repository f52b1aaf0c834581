"""Every adapter: what it makes of a row, and every reason for which it rejects one."""

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.data.conftest import standardized
from workflow_scripts.lib.adapters import registry
from workflow_scripts.lib.adapters.selection import fields_of
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.records import Drop

TALK = [{"role": "user", "content": "问"}, {"role": "assistant", "content": "答"}]


SHP = {"history", "human_ref_A", "human_ref_B", "labels", "post_id"}


def run(files: list[Path], adapter: str, use: str = "sft", **options: Any) -> list:
    return standardized(files, adapter, use, options)


def turns(row: dict) -> list[tuple[str, str]]:
    return [(message["role"], message["content"]) for message in row["messages"]]


def test_registry_names_modules_with_the_adapter_interface() -> None:
    folder = Path(registry.__file__).parent
    assert len(registry.MODULES) >= 25
    for name, module in registry.MODULES.items():
        assert (folder / f"{name}.py").is_file()
        adapter = importlib.import_module(module)
        assert adapter is registry.load(name, "s")
        assert set(adapter.USES) <= {"sft", "preference", "evaluation"}
        assert adapter.Options.model_config["extra"] == "forbid"
        assert callable(adapter.convert) and all(isinstance(name, str) for name in fields_of(adapter))
        assert adapter.SHAPES and all(adapter.SHAPES)


@pytest.mark.parametrize(
    ("adapter", "options", "raw", "expected"),
    [
        (
            "alpaca",
            {},
            {"instruction": "翻译", "input": "hi", "output": "嗨", "system": "你是译者", "history": [["问", "答"]]},
            [("system", "你是译者"), ("user", "问"), ("assistant", "答"), ("user", "翻译\nhi"), ("assistant", "嗨")],
        ),
        ("alpaca", {}, {"instruction": "问", "input": "", "output": "答"}, [("user", "问"), ("assistant", "答")]),
        (
            "messages",
            {"field_map": {"messages": "talk"}},
            {"talk": [{"role": "user", "content": "问"}, {"role": "assistant", "content": "答"}]},
            [("user", "问"), ("assistant", "答")],
        ),
        (
            "sharegpt",
            {},
            {"system": "设定", "conversations": [{"from": "human", "value": "问"}, {"from": "gpt", "value": "答"}]},
            [("system", "设定"), ("user", "问"), ("assistant", "答")],
        ),
        ("messages", {}, {"messages": json.dumps(TALK)}, [("user", "问"), ("assistant", "答")]),
        (
            "messages",
            {},
            {"messages": {"role": ["prompter", "assistant"], "text": ["问", "答"], "rank": [0, 1]}},
            [("user", "问"), ("assistant", "答")],
        ),
        (
            "prompt_completion",
            {"field_map": {"prompt": "q", "completion": "a"}},
            {"q": "问", "a": "答"},
            [("user", "问"), ("assistant", "答")],
        ),
    ],
)
def test_sft_adapters(adapter: str, options: dict, raw: dict, expected: list, write: Callable[..., Path]) -> None:
    (row,) = run([write("rows.json", [raw])], adapter, **options)
    assert turns(row) == expected
    assert (row["id"], row["source"]) == ("s/rows.json#0", "s")


ANSWER = [{"role": "user", "content": "问"}, {"role": "assistant", "content": "好"}]


@pytest.mark.parametrize(
    "raw",
    [
        {"prompt": "问", "chosen": "好", "rejected": "坏"},
        {"prompt": [{"role": "user", "content": "问"}], "chosen": "好", "rejected": "坏"},
        {"chosen": ANSWER, "rejected": [ANSWER[0], {"role": "assistant", "content": "坏"}]},
        {"prompt": "问", "chosen": [ANSWER[1]], "rejected": [{"role": "assistant", "content": "坏"}]},
        {
            "prompt": "问",
            "chosen": json.dumps(ANSWER),
            "rejected": json.dumps([ANSWER[0], ANSWER[1] | {"content": "坏"}]),
        },
        {"prompt": "问", "chosen": {"from": "gpt", "value": "好"}, "rejected": {"from": "gpt", "value": "坏"}},
    ],
    ids=["texts", "prompt_messages", "whole_conversations", "answer_messages", "json_texts", "one_turn"],
)
def test_preference_adapter_reads_all_common_shapes(raw: dict, write: Callable[..., Path]) -> None:
    (row,) = run([write("rows.json", [raw])], "preference", "preference")
    assert row["prompt"] == [{"role": "user", "content": "问"}]
    assert row["chosen"] == [{"role": "assistant", "content": "好"}]
    assert row["rejected"] == [{"role": "assistant", "content": "坏"}]


@pytest.mark.parametrize("said", ['{"姓名": "张三"}', '[{"role": "经理"}]', '{"role": "经理", "from": "杭州"}', "[]"])
def test_an_answer_in_json_is_an_answer(said: str, write: Callable[..., Path]) -> None:
    (row,) = run([write("rows.json", [{"prompt": said, "chosen": said, "rejected": "坏"}])], "preference", "preference")
    assert row["prompt"] == [{"role": "user", "content": said}]
    assert row["chosen"] == [{"role": "assistant", "content": said}]


@pytest.mark.parametrize(
    ("adapter", "raw", "reason", "detail"),
    [
        ("alpaca", {"instruction": None, "output": "答"}, "missing_field", "instruction is null"),
        ("alpaca", {"instruction": "问"}, "missing_field", "output is absent"),
        ("alpaca", {"instruction": ["问"], "output": "答"}, "not_text", "instruction is list"),
        ("alpaca", {"instruction": "问", "output": {"a": 1}}, "not_text", "content of assistant is dict"),
        ("alpaca", {"instruction": "\ud800", "output": "答"}, "invalid_unicode", "instruction has characters"),
        ("alpaca", {"instruction": "问", "output": "答", "history": ["x"]}, "wrong_type", "history holds"),
        ("alpaca", {"instruction": "问", "output": "答", "history": 5}, "wrong_type", "history is int, not a list"),
        ("alpaca", {"instruction": "问", "output": "答", "history": [[1, "答"]]}, "not_text", "content of user is int"),
        ("alpaca", {"instruction": "问", "output": "答", "system": 5}, "not_text", "content of system is int"),
        ("alpaca", {"instruction": "问", "output": "答", "input": ["x"]}, "not_text", "input is list"),
        ("alpaca", {"instruction": "问" * 1_000_001, "output": "答"}, "oversize", "instruction has 1000001"),
        ("messages", {"messages": "问"}, "wrong_type", "messages is str, not a list"),
        ("messages", {"messages": ["问"]}, "wrong_type", "messages holds str, not objects"),
        ("messages", {"messages": [{"role": "bot", "content": "x"}]}, "unknown_role", "role is 'bot'"),
        ("messages", {"messages": [{"role": "user"}]}, "missing_field", "content is absent"),
        ("sharegpt", {"conversations": [{"from": {}, "value": "x"}]}, "unknown_role", "role is {}"),
        (
            "sharegpt",
            {"conversations": [{"from": "human", "value": "x"}, {"from": "system", "value": "y"}]},
            "system_not_first",
            "conversations has a system message after the first turn",
        ),
        (
            "sharegpt",
            {"conversations": {"from": ["human"], "value": ["x", "y"]}},
            "wrong_type",
            "conversations holds lists of different lengths: [1, 2]",
        ),
        ("prompt_completion", {"prompt": 1, "completion": "答"}, "not_text", "content of user is int"),
        ("preference", {"prompt": "问", "chosen": [], "rejected": "坏"}, "no_answer", "chosen does not end"),
        ("preference", {"prompt": "问", "chosen": ANSWER[:1], "rejected": "坏"}, "no_answer", "chosen does not end"),
        (
            "preference",
            {"prompt": "问", "chosen": ANSWER, "rejected": "坏"},
            "different_prompts",
            "chosen and rejected",
        ),
        ("preference", {"prompt": "问", "chosen": "好", "rejected": None}, "missing_field", "rejected is null"),
    ],
)
def test_a_bad_row_goes_to_the_ledger_with_its_reason(
    adapter: str, raw: dict, reason: str, detail: str, write: Callable[..., Path]
) -> None:
    good = {
        "instruction": "问",
        "output": "答",
        "messages": ANSWER,
        "conversations": [{"from": "human", "value": "问"}],
        "prompt": "问",
        "completion": "答",
        "chosen": "好",
        "rejected": "坏",
    }
    use = "preference" if adapter == "preference" else "sft"
    good_row, drop = run([write("rows.json", [good, raw])], adapter, use)
    assert good_row["id"] == "s/rows.json#0"
    assert (drop.id, drop.reason) == ("s/rows.json#1", reason)
    assert drop.detail.startswith(detail)


def test_unreadable_lines_go_to_the_ledger_with_file_and_number(write: Callable[..., Path]) -> None:
    good = json.dumps({"prompt": "问", "completion": "答"})
    files = [write("a.jsonl", f"{good}\n{{oops\n[1]\n{good}\n"), write("b.jsonl", f"{good}\n")]
    results = run(files, "prompt_completion")
    drops = {result.id: (result.reason, result.detail) for result in results if isinstance(result, Drop)}
    assert drops["s/a.jsonl#1"][0] == "unreadable" and drops["s/a.jsonl#1"][1].startswith("Expecting property name")
    assert drops["s/a.jsonl#2"] == ("wrong_type", "the row is list, not an object")
    rows = [result["id"] for result in results if not isinstance(result, Drop)]
    assert rows == ["s/a.jsonl#0", "s/a.jsonl#3", "s/b.jsonl#0"]


@pytest.mark.parametrize(
    ("call", "parts"),
    [
        (
            {"adapter": "alpacca"},
            ["unknown adapter 'alpacca'", "sources.s.adapter", "did you mean 'alpaca'?", "sharegpt"],
        ),
        (
            {"adapter": "messages", "field_mop": {"a": "b"}},
            ["unknown option 'field_mop'", "sources.s.options.field_mop", "did you mean 'field_map'?"],
        ),
        ({"adapter": "messages", "field_map": 3}, ["field_map is 3", "sources.s.options.field_map"]),
        ({"adapter": "alpaca", "x": 1}, ["unknown option 'x'", "legal options here: field_map"]),
        ({"adapter": "alpaca", "use": "preference"}, ["makes rows for sft or evaluation", "sources.s.use"]),
        ({"adapter": "chinese_poetry"}, ["missing option 'forms'", "field_map, forms, instructions, share"]),
        (
            {"adapter": "alpaca"},
            ["'alpaca' expects the columns instruction, output; found answer, question", "rows.json of sources.s"],
        ),
        (
            {"adapter": "alpaca", "field_map": {"instruction": "qestion", "output": "answer"}},
            ["found answer, question", "field_map names qestion, which the file does not have; the nearest adapter"],
        ),
    ],
)
def test_what_a_user_can_mend_is_said(call: dict, parts: list[str], write: Callable[..., Path]) -> None:
    path = write("rows.json", [{"question": "问", "answer": "答"}])
    with pytest.raises(UserError) as caught:
        run([path], **call)
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("content", "part"),
    [("[1, 2]", "found rows of int"), ("[oops]", "found no readable row (Expecting value")],
)
def test_files_without_a_fitting_row_stop(content: str, part: str, write: Callable[..., Path]) -> None:
    with pytest.raises(UserError) as caught:
        run([write("rows.json", content)], "alpaca")
    assert part in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "field_map", "expected"),
    [
        ({"q": "问", "a": "答", "instruction": "别的"}, {"instruction": "q", "output": "a"}, ["问", "答"]),
        ({"input": "问", "output": "答"}, {"instruction": "input"}, ["问", "答"]),
        ({"instruction": "答", "output": "问"}, {"instruction": "output", "output": "instruction"}, ["问", "答"]),
    ],
    ids=["other_names_win", "a_renamed_column_is_gone", "swapped"],
)
def test_field_map_renames_columns(raw: dict, field_map: dict, expected: list, write: Callable[..., Path]) -> None:
    (row,) = run([write("rows.json", [raw])], "alpaca", field_map=field_map)
    assert [message["content"] for message in row["messages"]] == expected


@pytest.mark.parametrize(
    ("adapter", "use", "columns", "part"),
    [
        ("labelled_pair", "preference", SHP, "these columns are read by the adapter shp; or replace the file"),
        ("alpaca", "sft", {"prompt", "completion"}, "these columns are read by the adapter prompt_completion; or"),
        ("sharegpt", "sft", {"instruction", "output"}, "by the adapter alpaca, chinese_instruct, coig; or replace"),
        (
            "preference",
            "preference",
            {"instruction", "input", "output", "task_type", "domain"},
            "read by the adapter coig_pc_core, for sft and evaluation only: COIG-PC-core is a collection of tasks",
        ),
        ("messages", "sft", {"instruction", "reply"}, "the nearest adapter is alpaca, which needs output too: name"),
        (
            "messages",
            "sft",
            {"x"},
            "no adapter reads any of these columns: name those that it needs with options.field_map",
        ),
    ],
)
def test_an_unknown_shape_names_the_adapter_that_fits(
    adapter: str, use: str, columns: set, part: str, write: Callable[..., Path]
) -> None:
    options = {"a_wins": [1], "b_wins": [0]} if adapter == "labelled_pair" else {}
    with pytest.raises(UserError) as caught:
        run([write("rows.json", [dict.fromkeys(sorted(columns), "x")])], adapter, use, **options)
    assert f"found {', '.join(sorted(columns))}" in caught.value.what
    assert part in caught.value.change


def test_what_cannot_be_seen_of_a_column_is_shown(write: Callable[..., Path]) -> None:
    with pytest.raises(UserError, match=r"found ' output', instruction, '\\ufeffx'"):
        run([write("rows.csv", "\ufeff\ufeffx,instruction, output\n1,问,答\n")], "alpaca")


def test_every_adapter_with_its_uses_and_options_stands_in_the_documentation() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "adapters.md").read_text(encoding="utf-8")
    lines = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `")}
    assert sorted(lines) == sorted(registry.MODULES)
    for name, line in lines.items():
        module = registry.load(name, "s")
        shared = {"field_map"} | (set(registry.load("chinese_poetry", "s").Options.model_fields) - {"other_form"})
        own = set(module.Options.model_fields) - (shared if name == "derived_pairs" else {"field_map"})
        assert [option for option in sorted(own) if f"`{option}`" not in line] == []
        assert [use for use in module.USES if use not in line] == []
