"""Trees of messages: which dialogues are taken, and that every message is accounted for."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.data.conftest import standardized
from workflow_scripts.lib.records import Drop, group_of

Write = Callable[..., Path]


def said(name: str, parent: str | None, rank: Any = None, **other: Any) -> dict:
    """A message; those whose name begins with p are the prompter's."""
    return {
        "message_id": name,
        "parent_id": parent,
        "user_id": "u9",
        "text": f"text of {name}",
        "role": "prompter" if name.startswith("p") else "assistant",
        "lang": "zh",
        "review_result": True,
        "deleted": False,
        "rank": rank,
        "message_tree_id": "p1",
        "tree_state": "ready_for_export",
        "labels": {"name": ["quality"], "value": [0.75], "count": [3]},
    } | other


#          p1
#     a2(1)  a1(0)  a0(null)
#       |     |  \
#      p3    p2   p4
#             |
#            a3(null)
TREE = [
    said("a3", "p2"),  # before what it replies to
    said("p1", None),
    said("a0", "p1"),
    said("a2", "p1", 1),
    said("a1", "p1", 0),
    said("p2", "a1"),
    said("p4", "a1"),
    said("p3", "a2"),
]


def run(write: Write, messages: list[dict], **options: Any) -> tuple[list[list[str]], dict[str, tuple[str, str]]]:
    """Return the dialogues as names of messages, and what became of the other messages."""
    results = standardized([write("m.json", messages)], "oasst1", "sft", options)
    assert [result.id if isinstance(result, Drop) else result["id"] for result in results] == [
        f"s/m.json#{number}" for number in range(len(messages))
    ]
    names = {f"s/m.json#{number}": message["message_id"] for number, message in enumerate(messages)}
    dialogues = [
        [message["content"].removeprefix("text of ") for message in result["messages"]]
        for result in results
        if not isinstance(result, Drop)
    ]
    drops = [result for result in results if isinstance(result, Drop)]
    return dialogues, {names[drop.id]: (drop.reason, names.get(drop.detail, drop.detail)) for drop in drops}


def test_the_best_path_follows_the_lowest_rank_and_ends_with_an_answer(write: Write) -> None:
    dialogues, rest = run(write, TREE)
    assert dialogues == [["p1", "a1", "p2", "a3"]]
    assert rest == {
        "p1": ("used_by", "a3"),
        "a1": ("used_by", "a3"),
        "p2": ("used_by", "a3"),
        "a0": ("not_best", "another reply of the same turn is ranked higher"),
        "a2": ("not_best", "another reply of the same turn is ranked higher"),
        "p3": ("no_answer", "nobody answered"),
        "p4": ("no_answer", "nobody answered"),
    }


def test_all_paths_give_a_dialogue_for_every_last_answer(write: Write) -> None:
    dialogues, rest = run(write, TREE, paths="all")
    assert sorted(dialogues) == [["p1", "a0"], ["p1", "a1", "p2", "a3"], ["p1", "a2"]]
    assert Counter(reason for reason, _ in rest.values()) == {"used_by": 3, "no_answer": 2}


def test_all_dialogues_of_a_tree_are_of_the_group_of_its_prompt(write: Write) -> None:
    results = standardized([write("m.json", TREE)], "oasst1", "sft", {"paths": "all"})
    rows = [result for result in results if not isinstance(result, Drop)]
    assert {row["group"] for row in rows} == {group_of("text of p1")}
    assert [row["meta"] for row in rows] == [{"tree": "p1", "lang": "zh"}] * 3


def test_ties_and_missing_ranks_are_settled_by_id(write: Write) -> None:
    tied = [said("p1", None), said("a9", "p1", 0), said("a8", "p1", 0), said("a1", "p1")]
    assert run(write, tied)[0] == [["p1", "a8"]]
    unranked = [said("p1", None), said("a9", "p1"), said("a8", "p1")]
    assert run(write, unranked)[0] == [["p1", "a8"]]


def test_of_follow_ups_the_answered_one_is_taken(write: Write) -> None:
    tree = [said("p1", None), said("a1", "p1", 0), said("p2", "a1"), said("p3", "a1"), said("a3", "p3")]
    assert run(write, tree)[0] == [["p1", "a1", "p3", "a3"]]


@pytest.mark.parametrize(
    ("change", "reason", "detail"),
    [
        ({"deleted": True}, "deleted", "message a1"),
        ({"deleted": "true"}, "deleted", "message a1"),
        ({"review_result": False}, "review_failed", "message a1"),
        ({"tree_state": "growing"}, "tree_not_ready", "tree_state is 'growing'"),
        ({"text": " \n"}, "empty_text", "message a1"),
        ({"text": None}, "not_text", "content of assistant is NoneType"),
        ({"role": "moderator"}, "unknown_role", "role is 'moderator'"),
        ({"role": "prompter"}, "roles", "replies to p1, of the same role"),
        ({"parent_id": "gone"}, "parent_gone", "it replies to gone, which is not usable or not in the files"),
        ({"message_id": 5}, "not_text", "message_id is int"),
    ],
)
def test_below_a_message_that_is_gone_nothing_is_spliced(change: dict, reason: str, detail: str, write: Write) -> None:
    chain = [said("p1", None), said("a1", "p1", 0) | change, said("p2", "a1"), said("a2", "p2", 0), said("a3", "p1", 1)]
    dialogues, rest = run(write, chain)
    assert dialogues == [["p1", "a3"]]
    assert rest[change.get("message_id", "a1")] == (reason, detail)
    if reason not in ("parent_gone", "roles"):
        assert rest["p2"][0] == "parent_gone"


def test_a_review_that_is_missing_is_no_refusal(write: Write) -> None:
    bare = [{key: message[key] for key in ("message_id", "parent_id", "text", "role")} for message in TREE[1:3]]
    assert run(write, bare)[0] == [["p1", "a0"]]
    pending = [said("p1", None, review_result=None), said("a1", "p1", review_result=None, deleted=None)]
    assert run(write, pending)[0] == [["p1", "a1"]]


@pytest.mark.parametrize(("languages", "num_dialogues"), [(["zh"], 2), (["ZH"], 2), (["en"], 1), ([], 3), (["z"], 0)])
def test_languages(languages: list[str], num_dialogues: int, write: Write) -> None:
    tags = ["zh", "zh-CN", "en"]
    trees = [
        message
        for number, tag in enumerate(tags)
        for message in (said(f"p{number}", None, lang=tag), said(f"a{number}", f"p{number}", lang=tag))
    ]
    dialogues, rest = run(write, trees, languages=languages)
    assert len(dialogues) == num_dialogues
    assert sum(reason == "other_language" for reason, _ in rest.values()) == 2 * (3 - num_dialogues)


def test_circles_twins_and_answers_without_a_question_are_accounted_for(write: Write) -> None:
    odd = [said("p1", "a1"), said("a1", "p1"), said("a5", None), said("a5", None), said("p6", "p6")]
    results = standardized([write("m.json", odd)], "oasst1", "sft", {})
    assert [result.reason for result in results] == [
        "parent_gone",
        "parent_gone",
        "roles",
        "duplicate_id",
        "parent_gone",
    ]


NESTED = {
    "message_tree_id": "p1",
    "tree_state": "ready_for_export",
    "prompt": {
        **{key: value for key, value in TREE[1].items() if key not in ("parent_id", "tree_state")},
        "labels": {"quality": {"value": 0.75, "count": 3}},
        "replies": [
            said("a2", None, 1) | {"replies": []},
            said("a1", None, 0) | {"replies": [said("p2", None) | {"replies": [said("a3", None)]}]},
            said("a0", None, deleted=True) | {"replies": [said("p5", None) | {"replies": [said("a5", None)]}]},
        ],
    },
}


def test_trees_with_nested_replies_give_the_same(write: Write) -> None:
    (row,) = standardized([write("trees.jsonl", json.dumps(NESTED))], "oasst1", "sft", {})
    assert [message["content"] for message in row["messages"]] == [
        f"text of {name}" for name in ("p1", "a1", "p2", "a3")
    ]
    assert row["id"] == "s/trees.jsonl#0"


def test_a_record_that_gives_several_rows_counts_once(write: Write) -> None:
    rows = standardized([write("trees.json", [NESTED, NESTED])], "oasst1", "sft", {"paths": "all"})
    assert [row["id"] for row in rows] == [
        "s/trees.json#0",
        "s/trees.json#0+1",
        "s/trees.json#1",
        "s/trees.json#1+1",
    ]


def test_a_tree_without_an_answer(write: Write) -> None:
    bare = NESTED | {"prompt": NESTED["prompt"] | {"replies": [said("a1", None, deleted=True)]}}
    (drop,) = standardized([write("trees.json", [bare])], "oasst1", "sft", {})
    assert (drop.reason, drop.detail) == ("no_dialogue", "no answered message is left of the tree (deleted 1)")
