"""Legal judgement: how often are a stage's judgements right, under the law as it was and as it was changed?

What is right follows from the change and not from the case (``adapters/lawshift_labels.py``): guilty or not, within
which months, or XT for life and death.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import torch

from workflow_scripts.lib.chat_template import Messages, with_system_prompt
from workflow_scripts.lib.config.evaluation import Judgement as JudgementSettings
from workflow_scripts.lib.config.fields import Count, Section, Whole
from workflow_scripts.lib.config.generation import Generation
from workflow_scripts.lib.config.training import Model
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.evaluation import statistics
from workflow_scripts.lib.evaluation.answering import answered
from workflow_scripts.lib.evaluation.stage import model_settings
from workflow_scripts.lib.generation import Reply
from workflow_scripts.lib.verifiers.legal_answer import Judgement, UnreadableError, folded, parse

log = logging.getLogger(__name__)
LAWS = {"original": "original", "poisoned": "changed"}  # as the data call them -> as figures do


class JudgementEval(Section):
    generation_batch_size: Count
    judgement: JudgementSettings


class JudgementConfig(Section):
    seed: Whole
    model: Model
    eval: JudgementEval
    generation: Generation


def evaluate_judgement(model: Any, tokenizer: Any, rows: Iterable[dict], config: JudgementConfig) -> dict:
    """Return the share of right judgements in all, by law, and by folder, with every case.

    Args:
        rows: Evaluation rows; those with ``meta.verdict`` are taken.

    Raises:
        UserError: If there are none.
    """
    settings = config.eval.judgement
    chosen = _chosen(rows, settings.max_rows)
    if not chosen:
        raise UserError(
            f"no case of a folder of LawShift among the rows of {', '.join(settings.sources)}",
            "eval.judgement.sources",
            "let `from` of these sources name the folders' files; the ledgers in results/data/standard/ say why rows "
            "were dropped",
        )
    torch.manual_seed(config.seed)
    samples: dict[str, dict] = {}

    def dialogue_of(row: dict) -> Messages:
        return with_system_prompt(row["messages"], config.model.system_prompt)

    alike = sorted(chosen, key=_length)  # prompts of like length together: what is padded is computed, too
    tokens, size = settings.max_new_tokens, config.eval.generation_batch_size
    for batch, replies in answered(model, tokenizer, alike, dialogue_of, config.generation, tokens, size):
        samples |= {row["id"]: _sample(row, reply, settings.scoring) for row, reply in zip(batch, replies, strict=True)}
        log.info("judgement: %d of %d cases judged", len(samples), len(chosen))
    ordered = [samples[row["id"]] for row in chosen]
    return {
        **summarize(ordered),
        "settings": {
            **settings.model_dump(include={"max_rows", "max_new_tokens", "scoring"}),
            "seed": config.seed,
            "generation": config.generation.model_dump(),
            **model_settings(config.model),
        },
        "samples": ordered,
    }


def fault_of(told: Judgement, meta: dict[str, Any], scoring: str) -> str | None:
    """Return what is wrong with a judgement, or None.

    Args:
        told: What a reply says.
        meta: Of the row: ``verdict``, ``extreme``, ``months`` (least and most, None for no limit), ``charge``.
        scoring: ``verdict``: guilty or not, and the term where the change is about it, which is LawShift's own table.
            ``charge``: a conviction must name the charge, too, where that is known: under the law as it was.
    """
    if told.guilty != (meta["verdict"] == "V"):
        return "wrong_verdict"
    if not told.guilty:
        return None
    if scoring == "charge" and "charge" in meta and told.charge != folded(meta["charge"]):
        return "wrong_charge"
    if meta["extreme"]:
        return None if told.extreme else "wrong_term"
    least, most = meta["months"]
    if least is None and most is None:
        return None
    # XT is no number of months: where months are asked for, it is wrong.
    is_within = told.months is not None and (least or 0) <= told.months and (most is None or told.months <= most)
    return None if is_within else "wrong_term"


def summarize(samples: list[dict]) -> dict:
    """Return shares of right judgements; ``difference`` is that under the changed law minus that under the original."""
    if not samples:
        return {"rows": 0, "laws": {}, "folders": {}, "faults": {}}
    laws = {law: [sample for sample in samples if sample["law"] == law] for law in LAWS.values()}
    folders: dict[str, list[dict]] = defaultdict(list)
    for sample in samples:
        folders[sample["folder"]].append(sample)
    return {
        **_share(samples),
        "laws": _by_law(laws),
        "folders": {
            name: {"label": found[0]["label"]}
            | _by_law({law: [sample for sample in found if sample["law"] == law] for law in LAWS.values()})
            for name, found in sorted(folders.items())
        },
        "faults": dict(sorted(Counter(sample["fault"] for sample in samples if sample["fault"]).items())),
    }


def _by_law(laws: dict[str, list[dict]]) -> dict[str, Any]:
    shares = {law: _share(samples) for law, samples in laws.items() if samples}
    if len(shares) == len(LAWS):
        before, after = (shares[law]["judgement"] for law in LAWS.values())
        return shares | {"difference": round(after - before, 6)}
    return shares


def _share(samples: list[dict]) -> dict[str, Any]:
    mean, error = statistics.mean_and_error([sample["ok"] for sample in samples])
    stderr = None if error is None else round(error, 6)
    return {"judgement": round(mean, 6), "stderr": stderr, "rows": len(samples)}


def _chosen(rows: Iterable[dict], limit: int | None) -> list[dict]:
    """Return the first rows of each folder and law."""
    taken: Counter[tuple[str, str]] = Counter()
    chosen = []
    for row in rows:
        meta = row.get("meta", {})
        if "verdict" not in meta:
            continue
        kind = meta["change"], meta["law"]
        taken[kind] += 1
        if limit is None or taken[kind] <= limit:
            chosen.append(row)
    return chosen


def _length(row: dict) -> int:
    return len(row["messages"][-1]["content"])


def _sample(row: dict, reply: Reply, scoring: str) -> dict:
    meta = row["meta"]
    try:
        fault = fault_of(parse(reply.text), meta, scoring)
    except UnreadableError as unreadable:
        fault = unreadable.why if reply.stopped else "not_stopped"
    return {
        "id": row["id"],
        "folder": meta["change"],
        "law": LAWS[meta["law"]],
        "label": meta["label"],
        "reply": reply.text,
        "ok": fault is None,
        "fault": fault,
    }
