"""Small repositories of the shape that the public data sets of the recipes have: names of files, columns, and cards."""

import gzip
import io
import json
import random
import tarfile
from collections.abc import Callable
from typing import Any

import polars as pl
import texts

Files = dict[str, bytes | str]
Rows = list[dict[str, Any]]
ROWS = 60  # of each data set


def repositories() -> dict[str, Files]:
    """Return all data sets by name, the same at each call."""
    return {name: make(random.Random(name)) for name, make in _MAKERS.items()}


def _lines(rows: Rows) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _parquet(rows: Rows) -> bytes:
    stream = io.BytesIO()
    pl.DataFrame(rows, infer_schema_length=None).write_parquet(stream)
    return stream.getvalue()


def _card(**splits: str) -> str:
    """Return a README that names one config for each ``config__split=path``."""
    entries = ""
    for name, path in splits.items():
        config, _, split = name.partition("__")
        entries += f"- config_name: {config}\n  data_files: [{{split: {split}, path: {path}}}]\n"
    return f"---\nconfigs:\n{entries}---\n"


def _each(make: Callable[[int], dict[str, Any]]) -> Rows:
    return [make(number) for number in range(ROWS)]


def _chinese_instruct(draws: random.Random) -> Files:
    def row(number: int) -> dict[str, Any]:
        thought = f"<think>\n{texts.chinese(draws, 8)}\n</think>\n" if number % 5 == 0 else ""
        return {"prompt": texts.chinese(draws), "response": thought + texts.chinese(draws)}

    card = "---\nconfigs:\n- config_name: dpsk-r1-distil\n  default: true\n  data_files: dpsk-r1-distil/**/*\n---\n"
    return {"README.md": card, "dpsk-r1-distil/train.jsonl": _lines(_each(row)), "stem_zh/train.jsonl": ""}


def _dpo_en_zh(draws: random.Random) -> Files:
    def pairs(say: Callable[[random.Random], str]) -> str:
        def row(number: int) -> dict[str, Any]:
            talk = [{"from": "human", "value": say(draws)}]
            if number % 4 == 0:
                talk.insert(0, {"from": "system", "value": say(draws)})
            answers = {side: {"from": "gpt", "value": say(draws)} for side in ("chosen", "rejected")}
            return {"conversations": talk} | answers

        return json.dumps(_each(row), ensure_ascii=False)

    card = _card(en__train="dpo_en.json", zh__train="dpo_zh.json")
    return {"README.md": card, "dpo_en.json": pairs(texts.english), "dpo_zh.json": pairs(texts.chinese)}


def _oasst1(draws: random.Random) -> Files:
    rows = []

    def say(tree: int, name: str, parent: str | None, role: str, rank: int | None) -> None:
        language = "zh" if tree % 2 else "en"
        text = texts.chinese(draws) if tree % 2 else texts.english(draws)
        told = {"message_id": name, "parent_id": parent, "message_tree_id": f"t{tree}", "text": text, "role": role}
        state = {"deleted": False, "review_result": True, "tree_state": "ready_for_export", "synthetic": False}
        rows.append(told | {"lang": language, "rank": rank} | state)

    for tree in range(ROWS):
        say(tree, f"t{tree}", None, "prompter", None)
        for reply in range(2):
            say(tree, f"t{tree}a{reply}", f"t{tree}", "assistant", reply)
        say(tree, f"t{tree}q", f"t{tree}a0", "prompter", None)
    names = ("train-00000-of-00001-b42a775f407cee45", "validation-00000-of-00001-134b8fd0c89408b6")
    return {f"data/{name}.parquet": _parquet(rows) for name in names}


def _coig(draws: random.Random) -> Files:
    def say() -> str:
        return texts.chinese(draws)

    def exam(_: int) -> dict[str, Any]:
        asked = {"textbox_q_instruction": "选出正确的一项。", "textbox_q_context": "", "textbox_question": say()}
        return asked | {
            "textbox_answer": "B",
            "textbox_answer_analysis": say(),
            "subject": draws.choice(["数学", "语文"]),
        }

    def translated(_: int) -> dict[str, Any]:
        english = {name: texts.english(draws) for name in ("instruction", "input", "output")}
        return english | {"trans_instruction": say(), "trans_input": say(), "trans_output": say()}

    def plain(_: int) -> dict[str, Any]:
        return {"instruction": say(), "input": "", "output": say()}

    def code(_: int) -> dict[str, Any]:
        return plain(0) | {"task_type": "code", "program_lang": "c"}

    dialogues = io.BytesIO()
    with tarfile.open(fileobj=dialogues, mode="w:gz") as archive:
        for number in range(ROWS):
            said = [json.dumps({"Q": say(), "A": say()}, ensure_ascii=False) for _ in range(2)]
            turns = {f"round_{turn}": {"response": response} for turn, response in enumerate(said)}
            data = json.dumps(turns, ensure_ascii=False).encode()
            entry = tarfile.TarInfo(f"chat/{number}.json")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return {
        "README.md": "---\nlicense: apache-2.0\n---\n",
        "COIG.py": "raise RuntimeError('no script of a data set is run')\n",
        "translated_instructions.jsonl": _lines(_each(translated)),
        "exam_instructions.jsonl": _lines(_each(exam)),
        "human_value_alignment_instructions_part1.json": json.dumps(_each(plain), ensure_ascii=False),
        "human_value_alignment_instructions_part2.json": _lines(_each(exam)),
        "leetcode_instructions.jsonl": _lines(_each(code)),
        "counterfactural_correction_multi_round_chat.tar.gz": dialogues.getvalue(),
    }


def _coig_p(draws: random.Random) -> Files:
    def row(_: int) -> dict[str, Any]:
        answers = {side: {"from": "gpt", "value": texts.chinese(draws)} for side in ("chosen", "rejected")}
        return {"conversations": [{"from": "human", "value": texts.chinese(draws)}]} | answers | {"domain": "chat"}

    return {"data/train-00000-of-00001.parquet": _parquet(_each(row))}


def _ultrafeedback(draws: random.Random) -> Files:
    def row(number: int) -> dict[str, Any]:
        asked = texts.english(draws)
        sides = {
            side: [{"content": asked, "role": "user"}, {"content": texts.english(draws), "role": "assistant"}]
            for side in ("chosen", "rejected")
        }
        scores = {"score_chosen": 8.0, "score_rejected": 8.0 if number % 10 == 0 else 4.0}  # one in ten is a tie
        return {"prompt": asked, "prompt_id": str(number)} | sides | {"messages": sides["chosen"]} | scores

    names = ("train_prefs", "train_sft", "test_prefs")
    return {f"data/{name}-00000-of-00001.parquet": _parquet(_each(row)) for name in names}


def _shp(draws: random.Random) -> Files:
    def row(number: int) -> dict[str, Any]:
        told = {"post_id": f"p{number // 2}", "domain": "askculinary_train", "history": texts.english(draws)}
        answers = {f"human_ref_{side}": texts.english(draws) for side in "AB"}
        wins = number % 2
        scores = {"score_A": 30 if wins else 5, "score_B": 5 if wins else 30, "score_ratio": 6.0}
        return told | answers | {"labels": wins} | scores

    folders = ("askculinary", "askscience")
    return {f"{name}/{split}.json": _lines(_each(row)) for name in folders for split in ("train", "test")}


def _hh_rlhf(draws: random.Random) -> Files:
    def row(_: int) -> dict[str, Any]:
        asked = f"\n\nHuman: {texts.english(draws)}\n\nAssistant: "
        return {"chosen": asked + texts.english(draws), "rejected": asked + texts.english(draws)}

    folders = ("helpful-base", "harmless-base", "helpful-online")
    files: Files = {
        f"{folder}/{split}.jsonl.gz": gzip.compress(_lines(_each(row)).encode(), mtime=0)
        for folder in folders
        for split in ("train", "test")
    }
    transcripts = [f"\n\nHuman: {texts.english(draws)}\n\nAssistant: {texts.english(draws)}" for _ in range(8)]
    attempts = json.dumps([{"transcript": transcript, "rating": 4.0} for transcript in transcripts]).encode()
    return files | {"red-team-attempts/red_team_attempts.jsonl.gz": gzip.compress(attempts, mtime=0)}


def _saferlhf(draws: random.Random) -> Files:
    def row(number: int) -> dict[str, Any]:
        safer = number % 2
        row = {"prompt": texts.english(draws), "better_response_id": 1 - safer, "safer_response_id": safer}
        for side in (0, 1):
            is_safe = side == safer
            row |= {f"response_{side}": texts.english(draws), f"is_response_{side}_safe": is_safe}
            row |= {f"response_{side}_severity_level": 0 if is_safe else 2}
            row |= {f"response_{side}_harm_category": {"Violence": not is_safe}}
        return row

    card = _card(default__train="data/*/train.jsonl", **{"alpaca-7b__train": "data/Alpaca-7B/train.jsonl"})
    folders = ("Alpaca-7B", "Alpaca3-8B")
    return {"README.md": card} | {f"data/{folder}/train.jsonl": _lines(_each(row)) for folder in folders}


def _slim_orca(draws: random.Random) -> Files:
    def row(number: int) -> dict[str, Any]:
        turns = [
            {"from": "human", "value": texts.english(draws), "weight": 0.0},
            {"from": "gpt", "value": texts.english(draws), "weight": 1.0},
        ]
        if number % 3:
            turns.insert(0, {"from": "system", "value": "You are an assistant.", "weight": None})
        return {"conversations": turns}

    return {"oo-labeled_correct.gpt4.sharegpt.jsonl": _lines(_each(row))}


def _pubmed_qa(draws: random.Random) -> Files:
    def row(number: int) -> dict[str, Any]:
        context = {
            "contexts": [texts.english(draws), texts.english(draws)],
            "labels": ["METHODS", "RESULTS"],
            "meshes": ["Tea", "Humans", "Adult"],
            "reasoning_required_pred": ["y", "e", "s"],
            "reasoning_free_pred": ["n", "o"],
        }
        told = {"pubid": number, "question": texts.english(draws, 10), "context": context}
        return told | {"long_answer": texts.english(draws), "final_decision": draws.choice(["yes", "no"])}

    configs = ("pqa_labeled", "pqa_artificial", "pqa_unlabeled")
    card = _card(**{f"{config}__train": f"{config}/train-*" for config in configs})
    files = {f"{config}/train-00000-of-00001.parquet": _parquet(_each(row)) for config in configs}
    return {"README.md": card} | files


_SITES = {
    "ai.stackexchange.com": "neural network",
    "stats.stackexchange.com": "overfitting",
    "electronics.stackexchange.com": "FPGA",
    "biology.stackexchange.com": "protein",
    "cooking.stackexchange.com": "oven",
}


def _stack_exchange(draws: random.Random) -> Files:
    def rows(site: str, keyword: str) -> Rows:
        def row(number: int) -> dict[str, Any]:
            said = keyword if number % 3 else "nothing of it"
            answers = [
                {"answer_id": n, "author": "a", "author_id": n, "author_profile": "", "pm_score": score}
                | {"selected": score == 4, "text": f"<p>{texts.english(draws)}</p>"}
                for n, score in enumerate((0, 4))
            ]
            told = {"qid": number, "question": f"<p>What of <b>{said}</b>? {texts.english(draws)}</p>"}
            return told | {"answers": answers, "date": "2020/01/02", "metadata": [f"https://{site}/q/{number}"]}

        return _each(row)

    return {f"data/{site}/train-00000-of-00001.parquet": _parquet(rows(site, word)) for site, word in _SITES.items()}


_MAKERS: dict[str, Callable[[random.Random], Files]] = {
    "Mxode/Chinese-Instruct": _chinese_instruct,
    "llamafactory/DPO-En-Zh-20k": _dpo_en_zh,
    "OpenAssistant/oasst1": _oasst1,
    "BAAI/COIG": _coig,
    "m-a-p/COIG-P": _coig_p,
    "HuggingFaceH4/ultrafeedback_binarized": _ultrafeedback,
    "stanfordnlp/SHP": _shp,
    "Anthropic/hh-rlhf": _hh_rlhf,
    "PKU-Alignment/PKU-SafeRLHF": _saferlhf,
    "Open-Orca/SlimOrca": _slim_orca,
    "qiaojin/PubMedQA": _pubmed_qa,
    "HuggingFaceH4/stack-exchange-preferences": _stack_exchange,
}


def poems() -> Rows:
    """Return poems of two, four, six, eight and twelve lines, in the shape of chinese-poetry's files."""
    draws = random.Random("poems")
    return [
        {
            "author": draws.choice(["李白", "杜甫", "不詳"]),
            "title": f"無題{number}",
            "paragraphs": [texts.couplet(draws, metre) for _ in range(couplets)],
            "id": f"{number}-{metre}-{couplets}",
        }
        for number in range(ROWS)
        for metre in (5, 7)
        for couplets in (1, 2, 3, 4, 6)
    ]


def reports() -> Rows:
    """Return the file that people bring to the domain recipes."""
    draws = random.Random("reports")
    return [
        {
            "instruction": texts.chinese(draws, 10),
            "input": texts.chinese(draws) if number % 2 else "",
            "output": texts.chinese(draws),
        }
        for number in range(ROWS)
    ]
