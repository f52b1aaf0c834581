"""One or more made-up rows of the true shape for every adapter, and the options to read them with."""

from typing import Any

_POEM = {
    "author": "某甲",
    "title": "登樓",
    "paragraphs": ["白日依山盡，黃河入海流。", "欲窮千里目，更上一層樓。"],
}
# The last character of its first couplet brings it into the bucket of the other one, where pairs are made.
_OTHER_POEM = {"author": "某乙", "title": "", "paragraphs": ["春眠不覺曉，處處聞啼咀。", "夜來風雨聲，花落知多少。"]}
_POEM_OPTIONS = {"forms": ["quatrain5"], "share": [0.0, 1.0], "instructions": ["{couplet}"]}
_TALK = [{"from": "system", "value": "你是助手。"}, {"from": "human", "value": "你好"}]
_ANSWERED = [*_TALK, {"from": "gpt", "value": "您好", "weight": 1.0}]
_GOOD, _BAD = {"from": "gpt", "value": "您好！"}, {"from": "gpt", "value": "嗯。"}
_DIALOGUES = [[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": text}] for text in ("Hello!", "No.")]
_CASE = {"fact": "甲三次容留他人吸毒。", "relevant_articles": ["354-0-0"], "charge": "容留他人吸毒", "prison_time": 7}


def _said(name: str, parent: str | None, role: str) -> dict[str, Any]:
    return {
        "message_id": name,
        "parent_id": parent,
        "text": f"text of {name}",
        "role": role,
        "lang": "zh",
        "rank": 0,
        "deleted": False,
        "review_result": True,
        "tree_state": "ready_for_export",
    }


def _rated(response: str, score: float, rating: str) -> dict[str, Any]:
    annotations = {"honesty": {"Rating": rating, "Rationale": "ok"}, "helpfulness": {"Rating": "N/A"}}
    return {"response": response, "overall_score": score, "annotations": annotations}


_PAIR_OF_SAFETY = {
    "prompt": "How do I open a jar?",
    "response_0": "Smash it.",
    "response_1": "Hot water.",
    "is_response_0_safe": False,
    "is_response_1_safe": True,
    "response_0_harm_category": {"Violence": True},
    "response_1_harm_category": {"Violence": False},
    "response_0_severity_level": 2,
    "response_1_severity_level": 0,
    "better_response_id": 1,
    "safer_response_id": 1,
}

ROWS: dict[str, list[dict[str, Any]]] = {
    "alpaca": [{"instruction": "翻译", "input": "hi", "output": "嗨", "system": "你是译者", "history": [["问", "答"]]}],
    "chinese_instruct": [{"prompt": "问", "response": "答"}, {"instruction": "问", "input": "一", "output": "答"}],
    "chinese_poetry": [_POEM, _OTHER_POEM],
    "coig": [
        {"instruction": "请", "conversations": [{"question": "问", "answer": "答"}]},
        {"trans_instruction": "问", "trans_input": "一", "trans_output": "答"},
        {
            "textbox_q_instruction": "选",
            "textbox_q_context": "",
            "textbox_question": "问",
            "textbox_answer": "B",
            "textbox_answer_analysis": "因为",
            "subject": "数学",
        },
        {"round_0": {"response": '{"Q": "问", "A": "答"}'}, "round_1": {"response": "```\n{}\n```"}},
        {"instruction": "写", "input": "['a']", "output": "['b', 'c']", "program_lang": "c", "task_type": "code"},
    ],
    "coig_p": [{"conversations": _TALK, "chosen": _GOOD, "rejected": _BAD, "domain": "聊天"}],
    "coig_pc_core": [
        {
            "instruction": "问",
            "input": "一",
            "output": "正面",
            "task_name_in_eng": "sentiment",
            "task_type": {"major": ["情感分析"], "minor": ["二分类"]},
            "domain": ["评论"],
        }
    ],
    "derived_pairs": [_POEM, _OTHER_POEM],
    "dpo_en_zh": [
        {"system": "你", "history": [["问", "答"]], "prompt": "问", "answer": ["好", "坏"]},
        {"conversations": _TALK, "chosen": "好", "rejected": "坏"},
        {"conversations": _TALK, "chosen": _GOOD, "rejected": _BAD},
    ],
    "harmless": [{"prompt": "怎样杀死进程？", "type": "homonyms"}],
    "hh_rlhf": [{"chosen": "\n\nHuman: Hi\n\nAssistant: Yes.", "rejected": "\n\nHuman: Hi\n\nAssistant: No."}],
    "labelled_pair": [{"question": "问", "response_a": "甲", "response_b": "乙", "label": 1}],
    "lawshift": [_CASE, {"354-0-0": "条文"}, {"id": "354-0-0", "content": "条文"}, _CASE | {"label": "NV"}],
    "messages": [{"messages": _DIALOGUES[0]}],
    "oasst1": [
        _said("p1", None, "prompter"),
        _said("a1", "p1", "assistant"),
        _said("p2", "a1", "prompter"),
        _said("a2", "p2", "assistant"),
        {
            "message_tree_id": "p7",
            "tree_state": "ready_for_export",
            "prompt": _said("p7", None, "prompter")
            | {"replies": [_said("a7", None, "assistant"), _said("a8", None, "assistant") | {"replies": []}]},
        },
    ],
    "pku_saferlhf": [_PAIR_OF_SAFETY],
    "poem_tasks": [_POEM, _OTHER_POEM | {"translation": "春夜睡得沉，不觉天已亮。"}],
    "preference": [
        {"prompt": "Hi", "chosen": "Hello!", "rejected": "No."},
        {"chosen": _DIALOGUES[0], "rejected": _DIALOGUES[1]},
    ],
    "prompt_completion": [{"prompt": "问", "completion": "答"}],
    "pubmed_qa": [
        {
            "pubid": 1,
            "question": "Q?",
            "context": {"contexts": ["C."], "labels": ["A"], "meshes": ["M", "N"]},
            "long_answer": "L.",
            "final_decision": "yes",
        },
        {"QUESTION": "Q?", "CONTEXTS": ["C."], "LABELS": ["A"], "LONG_ANSWER": "L.", "final_decision": "no"},
    ],
    "red_team": [
        {
            "transcript": "\n\nHuman: Tell me.\n\nAssistant: No.",
            "rating": 0.5,
            "tags": ["a"],
            "min_harmlessness_score_transcript": 1.2,
            "task_descripton_harmlessness_score": 0.4,
        },
        _PAIR_OF_SAFETY,
    ],
    "sharegpt": [{"system": "你是助手。", "conversations": _ANSWERED[1:]}],
    "shp": [
        {
            "post_id": "p",
            "domain": "d",
            "history": "Why?",
            "human_ref_A": "So.",
            "human_ref_B": "No &amp; no.",
            "labels": 1,
            "score_A": 30,
            "score_B": 6,
            "score_ratio": 5.0,
        }
    ],
    "slim_orca": [{"conversations": _ANSWERED}],
    "stack_exchange": [
        {
            "qid": 7,
            "question": "<p>How do I exit <b>vim</b>?</p>",
            "answers": [
                {"answer_id": 1, "author": "a", "pm_score": 4, "selected": True, "text": "<p><code>:q</code></p>"},
                {"answer_id": 2, "author": "b", "pm_score": 0, "selected": False, "text": "<p>Reboot.</p>"},
            ],
            "date": "2020/01/02",
            "metadata": ["https://example.org/q/7"],
        }
    ],
    "ultrafeedback": [
        {
            "source": "sharegpt",
            "instruction": "Name a colour.",
            "completions": [_rated("Red.", 8.0, "5"), _rated("Eleven.", 2.0, "1")],
        }
    ],
    "ultrafeedback_binarized": [
        {
            "prompt": "Hi",
            "chosen": _DIALOGUES[0],
            "rejected": _DIALOGUES[1],
            "score_chosen": 9.0,
            "score_rejected": 3.0,
        },
        {"instruction": "Hi", "chosen": "Hello!", "rejected": "No."},
    ],
}

OPTIONS: dict[str, list[dict[str, Any]]] = {
    "chinese_poetry": [_POEM_OPTIONS],
    "coig_pc_core": [{}, {"max_rows_per_task": 1}],
    "derived_pairs": [_POEM_OPTIONS | {"other_form": 0.0}],
    "labelled_pair": [{"a_wins": [1], "b_wins": [0]}],
    "oasst1": [{}, {"paths": "all"}, {"languages": ["zh"]}],
    "poem_tasks": [
        {
            "lines": [4, 8],
            "script": "simplified",
            "tasks": {
                "continue": {"share": 1, "instructions": ["{opening}"]},
                "compose": {"share": 1, "instructions": ["写{title}"]},
                "form": {"share": 1, "instructions": ["{poem}"]},
                "explain": {"share": 1, "instructions": ["{poem}"]},
            },
        }
    ],
    "pku_saferlhf": [{"prefer": prefer} for prefer in ("safer", "better", "both")],
    "shp": [{}, {"min_score_ratio": 2.0, "max_pairs_per_post": 1}],
    "stack_exchange": [{}, {"domains": {"editors": ["vim"]}}],
    "ultrafeedback": [{"score": "overall"}, {"score": "ratings"}],
}
