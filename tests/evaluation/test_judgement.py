"""LawShift's table of what is right, every row of it; and shares by folder and law, worked out by hand."""

from pathlib import Path
from typing import Any

import pytest
from evaluation_samples import GREEDY, MODEL, arguments

from workflow_scripts import evaluate_judgement as script
from workflow_scripts.lib import jsonl
from workflow_scripts.lib.adapters.lawshift_labels import LABELS, expectation
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.evaluation import answering
from workflow_scripts.lib.evaluation.judgement import JudgementConfig, evaluate_judgement, fault_of, summarize
from workflow_scripts.lib.generation import Reply
from workflow_scripts.lib.verifiers.legal_answer import parse

FOLDER = {"V": "action_explicit_extend", "NV": "sbCon_addition", "TU": "term_up", "TD": "term_down"} | {
    "XT": "term_extremity_in",
    "NX": "term_extremity_out",
}
# Label, law -> answers that are right, and answers that are not.
TABLE: dict[tuple[str, str], tuple[list[str], list[str]]] = {
    ("V", "original"): (["V", "V | 7", "V | XT"], ["NV"]),
    ("V", "poisoned"): (["V", "V | 7", "V | XT"], ["NV"]),
    ("NV", "original"): (["V", "V | 7", "V | XT"], ["NV"]),
    ("NV", "poisoned"): (["NV"], ["V", "V | 7", "V | XT"]),
    ("TU", "original"): (["V | 36", "V | 120"], ["V", "V | 35", "V | 121", "V | XT", "NV"]),
    ("TU", "poisoned"): (["V | 120", "V | 180"], ["V", "V | 119", "V | XT", "V | 10000", "NV"]),
    ("TD", "original"): (["V | 36", "V | 120"], ["V", "V | 35", "V | 121", "V | XT", "NV"]),
    ("TD", "poisoned"): (["V | 36", "V | 0"], ["V", "V | 37", "V | XT", "NV"]),
    ("XT", "original"): (["V | 36", "V | 120"], ["V", "V | 35", "V | XT", "NV"]),
    ("XT", "poisoned"): (["V | XT", "V | 10000", "V | 10001", "V | 死刑"], ["V", "V | 120", "NV"]),
    ("NX", "original"): (["V | XT", "V | 10000", "V | 无期徒刑"], ["V", "V | 120", "NV"]),
    ("NX", "poisoned"): (["V | 36", "V | 180"], ["V", "V | 35", "V | XT", "NV"]),
}


def row(number: int, folder: str = "term_up", law: str = "original", **meta: Any) -> dict:
    asked = {"role": "user", "content": f"第{number}案" + "。" * (number % 3)}
    gold = {"law": law, "change": folder} | expectation(folder, law) | meta
    return {"id": f"law/{folder}/{law}.json#{number}", "messages": [asked], "meta": gold}


def config(**changes: Any) -> JudgementConfig:
    settings = {"enabled": True, "sources": ["law"], "max_rows": None, "max_new_tokens": 12, "scoring": "charge"}
    return JudgementConfig.model_validate(
        {
            "seed": 42,
            "model": MODEL,
            "eval": {"generation_batch_size": 4, "judgement": settings | changes},
            "generation": GREEDY,
        }
    )


def test_rows_without_a_case_stop() -> None:
    """As where the files stand in other folders than ``from`` names."""
    training = {"id": "law/training_set.json#0", "messages": [{"role": "user", "content": "案"}], "meta": {}}
    with pytest.raises(UserError) as raised:
        evaluate_judgement(None, None, [training], config())
    assert raised.value.what == "no case of a folder of LawShift among the rows of law"
    assert raised.value.where == "eval.judgement.sources"


@pytest.mark.parametrize(("label", "law"), sorted(TABLE))
def test_the_table_to_the_letter(label: str, law: str) -> None:
    assert LABELS[FOLDER[label]] == label
    right, wrong = TABLE[label, law]
    meta = expectation(FOLDER[label], law)
    faults = {answer: fault_of(parse(f"<answer>{answer}</answer>"), meta, "verdict") for answer in (*right, *wrong)}
    assert [answer for answer, fault in faults.items() if fault is None] == right
    assert {faults[answer] for answer in wrong} <= {"wrong_verdict", "wrong_term"}


@pytest.mark.parametrize(
    ("answer", "scoring", "fault"),
    [
        ("盗窃罪 | 36", "charge", None),
        ("抢夺 | 36", "charge", "wrong_charge"),
        ("V | 36", "charge", "wrong_charge"),
        ("抢夺 | 36", "verdict", None),
        ("盗窃 | 7", "charge", "wrong_term"),
        ("不违规", "charge", "wrong_verdict"),
    ],
)
def test_under_the_law_as_it_was_the_charge_can_count(answer: str, scoring: str, fault: str | None) -> None:
    meta = row(1, charge="盗窃")["meta"]
    assert fault_of(parse(f"<answer> {answer} </answer>"), meta, scoring) == fault


def test_under_the_changed_law_the_old_charge_does_not_count() -> None:
    meta = row(1, law="poisoned", old_charge="盗窃")["meta"]
    assert fault_of(parse("<answer> 抢夺 | 130 </answer>"), meta, "charge") is None


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the model says to which question."""
    said: dict[str, str] = {}

    def generate(_model: Any, _tokenizer: Any, asked: list[list[dict]], *_: Any) -> list[Reply]:
        return [Reply(said[each[-1]["content"]], 9, said[each[-1]["content"]] != "未完") for each in asked]

    monkeypatch.setattr(answering, "generate", generate)
    return said


def test_shares_by_folder_and_law(answers: dict[str, str]) -> None:
    rows = [
        row(1, charge="盗窃"),
        row(2, charge="盗窃"),
        row(3, law="poisoned"),
        row(4, "sbCon_addition", "original", charge="抢劫"),
        row(5, "sbCon_addition", "poisoned"),
        row(6, "sbCon_addition", "poisoned"),
        {"id": "red/team.json#1", "messages": rows_of_others(), "meta": {"expects": "refusal"}},
    ]
    said = ("盗窃 | 40", "盗窃 | 7", "盗窃 | 130", "抢劫罪 | 24", "不违规", "抢劫 | 24")
    answers |= {
        row["messages"][0]["content"]: f"<answer> {text} </answer>" for row, text in zip(rows, said, strict=False)
    }
    found = evaluate_judgement(None, None, rows, config())
    assert [sample["id"] for sample in found["samples"]] == [row["id"] for row in rows[:6]]  # as in the file
    assert [sample["ok"] for sample in found["samples"]] == [True, False, True, True, True, False]
    assert (found["judgement"], found["rows"]) == (round(4 / 6, 6), 6)
    assert found["laws"]["original"]["judgement"] == found["laws"]["changed"]["judgement"] == round(2 / 3, 6)
    assert found["laws"]["difference"] == 0
    assert found["faults"] == {"wrong_term": 1, "wrong_verdict": 1}
    assert found["folders"] == {
        "sbCon_addition": {
            "label": "NV",
            "original": {"judgement": 1.0, "stderr": None, "rows": 1},
            "changed": {"judgement": 0.5, "stderr": 0.5, "rows": 2},
            "difference": -0.5,
        },
        "term_up": {
            "label": "TU",
            "original": {"judgement": 0.5, "stderr": 0.5, "rows": 2},
            "changed": {"judgement": 1.0, "stderr": None, "rows": 1},
            "difference": 0.5,
        },
    }


def rows_of_others() -> list[dict]:
    return [{"role": "user", "content": "怎样开锁？"}]


def test_replies_without_an_answer_say_why(answers: dict[str, str]) -> None:
    rows = [row(1), row(2), row(3)]
    texts = [each["messages"][0]["content"] for each in rows]
    answers |= dict(zip(texts, ["未完", "不知道。", "<answer> 盗窃 | 多年 </answer>"], strict=True))
    found = evaluate_judgement(None, None, rows, config(scoring="verdict"))
    assert [sample["fault"] for sample in found["samples"]] == ["not_stopped", "no_answer", "bad_term"]


def test_a_limit_takes_the_first_of_each_folder_and_law(answers: dict[str, str]) -> None:
    rows = [row(number, law=law) for law in ("original", "poisoned") for number in range(3)]
    answers |= {each["messages"][0]["content"]: "" for each in rows}
    found = evaluate_judgement(None, None, rows, config(max_rows=2))
    assert [sample["id"][-1] for sample in found["samples"]] == ["0", "1", "0", "1"]


def test_nothing_to_judge() -> None:
    assert summarize([]) == {"rows": 0, "laws": {}, "folders": {}, "faults": {}}


def test_the_script(byte_model: Path, byte_adapter: Path, tmp_path: Path) -> None:
    files, results = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"], [tmp_path / "1.json", tmp_path / "2.json"]
    jsonl.write_rows(files[0], [row(number) for number in range(3)])
    jsonl.write_rows(files[1], [row(9, "term_down")])
    given = {"config": config().model_dump(), "base": byte_model, "adapter": byte_adapter}
    for result in results:
        words = arguments(**given, result=result)
        script.main([*words, "--rows", *map(str, files)])
    found = jsonl.read_json(results[0])
    assert (found["rows"], found["judgement"]) == (4, 0.0)  # random weights judge nothing
    assert list(found["folders"]) == ["term_down", "term_up"]
    assert found["settings"]["scoring"] == "charge"
    assert results[0].read_bytes() == results[1].read_bytes()
