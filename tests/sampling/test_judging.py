"""What becomes of right and wrong replies: rows to learn, sampled rows, pairs, a ledger and figures, by hand."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workflow_scripts import verify_replies as script
from workflow_scripts.lib import jsonl
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.sampling.judging import judge
from workflow_scripts.lib.verifiers.base import RIGHT, question_and_answer, wrong

OUTPUTS = ("sampled", "stats", "learned", "validated", "pairs", "drops")
CASE = {"fact": "甲入室盗窃。", "relevant_articles": ["264-0-0"], "law": "original", "charge": "盗窃", "prison_time": 7}


def case(number: int, answer: str = "盗窃 | 7", **more: Any) -> dict:
    return {
        "id": f"law/training_set.json#{number}",
        "source": "law",
        "messages": [
            {"role": "user", "content": f"第{number}案"},
            {"role": "assistant", "content": f"<answer> {answer} </answer>"},
        ],
        "lang": "zh",
        "group": f"{number:016x}",
        "meta": CASE,
        "hash": "h",
        **more,
    }


def said(number: int, *texts: str, stopped: bool = True) -> dict:
    replies = [{"text": text, "tokens": 9, "stopped": stopped} for text in texts]
    return {"id": f"law/training_set.json#{number}", "replies": replies}


RIGHT_REPLY, CHARGE, TERM = (f"分析……<answer> {text} </answer>" for text in ("盗窃罪 | 7", "抢夺 | 7", "盗窃 | 8"))


@pytest.fixture
def verified(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Run the script on rows to train, rows to validate and replies to both; return what it wrote, by flag."""

    def run(train: list[dict], validation: list[dict], replies: list[dict], **judging: Any) -> dict[str, Any]:
        given = {"train": train, "validation": validation, "replies": replies}
        for name, rows in given.items():
            jsonl.write_rows(tmp_path / f"{name}.jsonl", rows)
        config = {"verifier": "legal_judgement", "verifier_options": {}, "pairs": False} | judging
        words = ["--config", json.dumps({"sampling": config})]
        for name in (*given, *OUTPUTS):
            words += [f"--{name}", str(tmp_path / f"{name}.jsonl")]
        script.main(words)
        found: dict[str, Any] = {name: list(jsonl.read_rows(tmp_path / f"{name}.jsonl")) for name in OUTPUTS[2:]}
        found["sampled"] = list(jsonl.read_rows(tmp_path / "sampled.jsonl"))
        return found | {"stats": jsonl.read_json(tmp_path / "stats.jsonl")}

    return run


TRAIN = [case(1), case(2), case(3)]
VALIDATION = [case(8), case(9)]
REPLIES = [
    said(1, RIGHT_REPLY, CHARGE, TERM, "分析：<answer> 盗窃 | 七个月 </answer>"),
    said(2, CHARGE, "不知道。", CHARGE, TERM),
    said(3, CHARGE, TERM, RIGHT_REPLY, "无"),
    said(8, CHARGE, CHARGE, CHARGE, CHARGE),
    said(9, RIGHT_REPLY, RIGHT_REPLY, RIGHT_REPLY, RIGHT_REPLY),
]


def test_right_replies_are_learned_and_each_case_weighs_the_same(verified: Callable) -> None:
    found = verified(TRAIN, VALIDATION, REPLIES)
    learned = found["learned"]
    assert [(row["id"], row.get("weight", 1)) for row in learned] == [
        ("law/training_set.json#1+s0", 0.5),
        ("law/training_set.json#1+s3", 0.5),
        ("law/training_set.json#3+s2", 1),
    ]
    assert [row["messages"][-1]["content"] for row in learned[:2]] == [
        "分析……<answer> 盗窃罪 | 7 </answer>",
        "分析：<answer> 盗窃 | 七个月 </answer>",
    ]
    assert learned[0]["messages"][0] == {"role": "user", "content": "第1案"}
    assert [row["group"] for row in learned] == [f"{number:016x}" for number in (1, 1, 3)]
    assert [(row["id"], row["weight"]) for row in found["validated"]] == [
        (f"law/training_set.json#9+s{number}", 0.25) for number in range(4)
    ]


def test_sampled_rows_have_exactly_the_keys_of_the_recipe(verified: Callable) -> None:
    sampled = verified(TRAIN, VALIDATION, REPLIES)["sampled"]
    keys = ["fact", "relevant_articles", "charge", "prison_time", "response", "num_correct_for_this_sample"]
    assert [list(row) for row in sampled] == [keys] * 3
    assert list(sampled[0].values()) == ["甲入室盗窃。", ["264-0-0"], "盗窃", 7, RIGHT_REPLY, 2]
    assert [row["num_correct_for_this_sample"] for row in sampled] == [2, 2, 1]


def test_figures_by_hand(verified: Callable) -> None:
    assert verified(TRAIN, VALIDATION, REPLIES)["stats"] == {
        "samples": 3,
        "replies": 12,
        "accepted": 3,
        "rate": 0.25,
        "cases_without_any": 1,
        "mean_per_case": 1.0,
        "verdicts": {"no_answer": 2, "right": 3, "wrong_charge": 4, "wrong_term": 3},
        "pairs": 0,
        "verifier": "legal_judgement",
        "validation_rows": "sampled",
        "validation": {
            "samples": 2,
            "replies": 8,
            "accepted": 4,
            "rate": 0.5,
            "cases_without_any": 1,
            "mean_per_case": 2.0,
            "verdicts": {"right": 4, "wrong_charge": 4},
            "pairs": 0,
        },
    }


def test_every_case_is_learned_or_in_the_ledger(verified: Callable) -> None:
    found = verified(TRAIN, VALIDATION, REPLIES)
    assert found["drops"] == [
        {
            "id": "law/training_set.json#2",
            "step": "sampling",
            "reason": "no_right_reply",
            "detail": "wrong_charge 2, no_answer 1, wrong_term 1",
        },
        {
            "id": "law/training_set.json#8",
            "step": "sampling",
            "reason": "no_right_reply",
            "detail": "wrong_charge 4",
        },
    ]
    ends = [row["id"].partition("+")[0] for row in (*found["learned"], *found["validated"])]
    ends = sorted({*ends, *(drop["id"] for drop in found["drops"])})
    assert ends == [row["id"] for row in (*TRAIN, *VALIDATION)]


def test_pairs_are_right_against_wrong_for_one_prompt(verified: Callable) -> None:
    assert verified(TRAIN, VALIDATION, REPLIES)["pairs"] == []
    pairs = verified(TRAIN, VALIDATION, REPLIES, pairs=True)["pairs"]
    assert [(pair["id"], pair["rejected"][0]["content"], pair["meta"]["rejected_for"]) for pair in pairs] == [
        ("law/training_set.json#1+s0", CHARGE, "wrong_charge"),
        ("law/training_set.json#1+s3", TERM, "wrong_term"),
        ("law/training_set.json#3+s2", CHARGE, "wrong_charge"),
    ]
    assert all(pair["meta"]["derived"] is True for pair in pairs)
    assert pairs[0]["prompt"] == [{"role": "user", "content": "第1案"}]
    assert pairs[0]["group"] == TRAIN[0]["group"]
    assert list(pairs[0]) == ["id", "source", "prompt", "chosen", "rejected", "lang", "group", "meta", "hash"]


def test_a_reply_that_did_not_end_is_wrong_and_no_pair(verified: Callable) -> None:
    replies = [REPLIES[0], said(2, RIGHT_REPLY, CHARGE, stopped=False), *REPLIES[2:]]
    found = verified(TRAIN, VALIDATION, replies, pairs=True)
    assert found["stats"]["verdicts"]["not_stopped"] == 2
    assert not [row for row in found["learned"] + found["pairs"] if row["id"].startswith("law/training_set.json#2")]


def test_a_prompt_too_long_is_in_the_ledger(verified: Callable) -> None:
    replies = [REPLIES[0], said(2) | {"fault": "prompt_too_long"}, *REPLIES[2:]]
    found = verified(TRAIN, VALIDATION, replies)
    assert (found["drops"][0]["reason"], found["drops"][0]["detail"]) == ("prompt_too_long", "")
    assert found["stats"]["replies"] == 8


def test_without_a_right_reply_to_validate_on_the_rows_own_serve(verified: Callable) -> None:
    found = verified(TRAIN, VALIDATION[:1], REPLIES[:4])
    assert found["validated"] == VALIDATION[:1]
    assert found["stats"]["validation_rows"] == "own"
    assert [drop["id"] for drop in found["drops"]] == ["law/training_set.json#2"]


def test_without_any_right_reply_it_stops_and_says_what_was_wrong(verified: Callable) -> None:
    with pytest.raises(UserError) as raised:
        verified(TRAIN[1:2], VALIDATION, [REPLIES[1], *REPLIES[3:]])
    assert str(raised.value) == (
        "none of 4 replies is right (wrong_charge 2, no_answer 1, wrong_term 1)\n  where:  sampling\n  change: raise "
        "num_samples or max_new_tokens, choose a base model that knows the task, or correct the verifier"
    )


def test_replies_of_another_run_are_refused(verified: Callable) -> None:
    with pytest.raises(RuntimeError, match=r"the next replies are to law/training_set\.json#2, not to law/"):
        verified(TRAIN, VALIDATION, REPLIES[1:])


def test_a_rows_own_weight_counts() -> None:
    judged = judge(
        [case(1, weight=3.0)],
        iter([said(1, "a", "b", "c")]),
        lambda reply, row: RIGHT if reply != "c" else wrong("c"),
        question_and_answer,
        with_pairs=False,
    )
    assert [row["weight"] for row in judged.learned] == [1.5, 1.5]
    assert list(judged.sampled[0]) == ["question", "answer", "response", "num_correct_for_this_sample"]
