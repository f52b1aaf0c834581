"""LawShift in small, in its true shape; and a tiny model that knows what cases there are judged like, and no more."""

import json
import random
from pathlib import Path
from typing import Any

import tiny
import torch
from hub.repositories import Content
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from workflow_scripts.lib.adapters.lawshift import _ASKED
from workflow_scripts.lib.chat_template import Encoded, encode_dialogue
from workflow_scripts.lib.config import layers

SYSTEM = layers.read_layer(tiny.REPOSITORY / "config/recipes/law.yaml", "law").values["model"]["system_prompt"]
WINDOW = 48  # bytes
CHARGE = "盗窃"
TERMS = (7, 12, 40)
KNOWN = TERMS[:2]  # what the model says, one as often as the other; cases with another term it never gets right
# What makes the recipe short; data, verifier, prompts and stages are its own.
OVERLAY: dict[str, Any] = {
    "recipe": "law",
    "sampling": {"num_samples": 4, "max_new_tokens": 40, "batch_size": 64},
    "sft": {"epochs": None, "max_steps": 4, "global_batch_size": 8, "warmup_steps": 1, "evaluations": 1},
    "eval": {
        "bootstrap_samples": 100,
        "judgement": {"max_rows": 4, "max_new_tokens": 40},
        "panel": {"max_new_tokens": 4},
    },
    "execution": {"threads": 1, "logging_steps": 1},
}
FOLDERS = ("action_explicit_reduce", "term_extremity_in", "term_up")
STATUTE = "【盗窃罪】盗窃公私财物，数额较大的，处三年以下有期徒刑、拘役或者管制，并处罚金。"
NEW_STATUTES = {
    "action_explicit_reduce": "【盗窃罪】以牟利为目的，盗窃公私财物，数额较大的，处三年以下有期徒刑。",
    "term_extremity_in": "【盗窃罪】盗窃公私财物，数额较大的，处无期徒刑或者死刑。",
    "term_up": "【盗窃罪】盗窃公私财物，数额较大的，处十年以上有期徒刑。",
}


def repositories() -> dict[str, dict[str, Content]]:
    return {"triangularPeach/LawShift": files(cases=90, cases_of_folder=12)}


def files(cases: int, cases_of_folder: int) -> dict[str, Content]:
    """Return the repository: so many cases to learn, and so many of each folder, the same facts in all of them."""
    draws = random.Random(5)
    training = [_case(draws, TERMS[number % 3]) for number in range(cases)]
    tested = [_case(draws, 40) | {"id": number} for number in range(cases_of_folder)]
    found: dict[str, Any] = {
        "training_set.json": training,
        "original_case_pool.json": tested,
    }
    for folder in FOLDERS:
        found[f"{folder}/original.json"] = tested
        found[f"{folder}/poisoned.json"] = tested  # charge and term stay, whatever the new law says
        found[f"{folder}/articles_original.json"] = {"264-0-0": STATUTE}
        found[f"{folder}/articles_poisoned.json"] = {"264-0-0": NEW_STATUTES[folder]}
    return {name: json.dumps(value, ensure_ascii=False) for name, value in found.items()}


def knowing_model(folder: Path) -> Path:
    """Save a tiny model that was trained to reply to such cases with the charge and one of two terms, by chance.

    It sees no further back than its window, so that the ends of prompts are enough to train it.
    """
    tiny.build(folder)
    window = {"use_sliding_window": True, "sliding_window": WINDOW, "layer_types": ["sliding_attention"] * 2}
    config = AutoConfig.from_pretrained(folder, **window)
    tokenizer, model = (
        AutoTokenizer.from_pretrained(folder),
        AutoModelForCausalLM.from_pretrained(folder, config=config),
    )
    torch.set_num_threads(1)  # for matrices this small a second one costs more than it brings
    draws = random.Random(6)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    loss = 9.0
    for step in range(500):
        if loss < 0.06:  # nats a token; the choice between two terms alone takes 0.03
            break
        for group in optimizer.param_groups:
            group["lr"] = 1e-2 * min(1.0, (500 - step) / 300)
        rows = [encode_dialogue(tokenizer, _dialogue(draws, KNOWN[number % 2])) for number in range(4)]
        found = model(**_padded(rows, tokenizer.eos_token_id)).loss
        found.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        loss = 0.9 * loss + 0.1 * found.item()
    assert loss < 0.2, "it has not learned to judge: another seed, or more steps"
    model.save_pretrained(folder)
    return folder


def _padded(rows: list[Encoded], padding: int) -> dict[str, torch.Tensor]:
    longest = min(max(len(row.input_ids) for row in rows), 4 * WINDOW)
    ids = torch.full((len(rows), longest), padding)
    labels, mask = torch.full_like(ids, -100), torch.zeros_like(ids)
    for number, row in enumerate(rows):
        learned = [token if says else -100 for token, says in zip(row.input_ids, row.assistant, strict=True)]
        place = slice(-min(len(learned), 4 * WINDOW), None)
        ids[number, place] = torch.tensor(row.input_ids[place])
        labels[number, place] = torch.tensor(learned[place])
        mask[number, place] = 1
    return {"input_ids": ids, "labels": labels, "attention_mask": mask}


def _dialogue(draws: random.Random, term: int) -> list[dict[str, str]]:
    fact = _case(draws, term)["fact"]
    asked = f"{_ASKED}\n\n【案件事实】\n{fact}\n\n【相关法条】\n【264-0-0】{STATUTE}"
    # Without the tag, which says the same twice and is hard for so few weights: the last line is the answer, too.
    said = {"system": SYSTEM, "user": asked, "assistant": f"{CHARGE}罪 | {term}个月"}
    return [{"role": role, "content": content} for role, content in said.items()]


def _case(draws: random.Random, term: int) -> dict[str, Any]:
    words = "".join(chr(draws.randrange(0x4E00, 0x9FA5)) for _ in range(60))
    fact = f"某县人民检察院指控：被告人{words[:3]}于{draws.randrange(1, 13)}月在{words[3:]}入户盗窃。"
    return {"fact": fact, "relevant_articles": ["264-0-0"], "charge": CHARGE, "prison_time": term}
