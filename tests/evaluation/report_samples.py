"""Results as the evaluations write them, small enough to work out by hand."""

from typing import Any

STAGES = ("base", "sft", "align")
CONFIG = {
    "recipe": "tang",
    "hardware": "cpu",
    "seed": 42,
    "held_out": "test",
    "model": {
        "base": "file://tiny",
        "revision": None,
        "license": "apache-2.0",
        "fallbacks": [],
        "dtype": "float32",
        "quantization": "none",
        "attention": "sdpa",
        "chat_template": None,
        "system_prompt": None,
        "trust_remote_code": False,
    },
    "sft": {"global_batch_size": 8},
    "align": {"method": "orpo", "global_batch_size": 6},
    "eval": {
        "bootstrap_samples": 500,
        "gates": [
            {"metric": "harness", "rule": "not_worse", "tolerance": 0.02},
            {"metric": "perplexity", "rule": "better", "tolerance": 0.0},
            {"metric": "jailbreak_rate", "rule": "not_worse", "tolerance": 0.0},
        ],
    },
    "panel_scores": None,
}
CARD = {
    "sources": {
        "poems": {"use": "sft", "license": "mit", "from": "npm://chinese-poetry@2.0.1/*.json", "used": True},
        "weightless": {"use": "sft", "license": "gpl", "from": "file://not-taken.json", "used": False},
    },
    "funnel": {
        "poems": [
            {"step": "standardize", "in": 100, "out": 80, "dropped": {"form": 15, "outside_share": 5}},
            {"step": "mix", "in": 80, "out": 60, "dropped": {}, "not_taken": {"max_samples": 20}},
        ]
    },
    "uses": {
        "sft": {
            "splits": {"train": 48, "val": 6, "test": 6},
            "languages": {"zh": 60},
            "derived_share": 0.25,
        }
    },
    "histograms": {"poems": {"measure": "tokens", "edges": [40.0, 50.0, 60.0], "counts": [45, 15]}},
    "languages": {"poems": {"zh": 60}, "talk": {"zh": 30, "en": 10}},
    "licences": {
        "publishable": "conditions",
        "reasons": [{"source": "poems", "term": "non_commercial", "en": "no commercial use", "zh": "禁止商用"}],
        "conflicts": [],
    },
    "warnings": [{"en": "sft: 2 tokens is very little.", "zh": "sft：2 词元很少。"}],
    "seed": 42,
}
_SPLIT = {"samples": 2, "replies": 16, "pairs": 5, "verdicts": {"right": 6, "wrong_charge": 8, "not_stopped": 2}}
SAMPLING = {
    **_SPLIT,
    **{"accepted": 6, "rate": 0.375, "cases_without_any": 0, "mean_per_case": 3.0},
    **{"verifier": "legal_judgement", "validation_rows": "sampled"},
    "validation": {**_SPLIT, "accepted": 4, "rate": 0.25, "cases_without_any": 1, "mean_per_case": 2.0},
}
PARITY = {"max": 1.5e-5, "mean": 1e-6, "same_top_token": 1.0, "dialogues": 8, "positions": 99, "dtype": "float32"}
TIMING = {"seconds": 351.0, "seconds_per_step": 2.9, "tokens_per_second": 260.0, "device": "cpu", "threads": 2}


def perplexity(nats: list[float], tokens: int = 10, over_length: int = 0) -> dict:
    samples = [
        {"id": f"p/{n}", "source": "poems", "lang": "zh", "nats": value, "tokens": tokens, "characters": 12}
        for n, value in enumerate(nats)
    ]
    group = {"perplexity": 7.5, "nats_per_character": 1.25, "rows": len(samples), "tokens": tokens, "characters": 12}
    groups = {"by_source": {"poems": group}, "by_lang": {"zh": group, "en": {"rows": 1, "tokens": 0, "characters": 0}}}
    settings = {"max_length": 256}
    return {"perplexity": 1.0, "over_length": over_length, **groups, "settings": settings, "samples": samples}


def form(oks: list[bool], reply: str = "天地玄黃宇，宙洪荒日月。") -> dict:
    samples = [
        {
            "id": f"f/{n}",
            "form": "quatrain5",
            "prompt": f"续写 {n}",
            "reply": reply,
            "ok": ok,
            "fault": None if ok else "line length",
            "distinct_characters": 1.0,
            "copied": False,
        }
        for n, ok in enumerate(oks)
    ]
    faults = {"line length": oks.count(False)} if False in oks else {}
    return {
        "form": sum(oks) / len(oks),
        "rows": len(oks),
        "faults": faults,
        "distinct": 0.5,
        "distinct_characters": 1.0,
        "copied": 0.0,
        "samples": samples,
    }


def preference(margins: list[float]) -> dict:
    samples = [{"id": f"q/{n}", "margin": margin, "correct": margin > 0} for n, margin in enumerate(margins)]
    figures = {"accuracy": sum(margin > 0 for margin in margins) / len(margins), "accuracy_by_sum": 0.25}
    groups = {
        "same_length": {**figures, "pairs": 15},
        "contrast_same_form": {**figures, "accuracy": 0.0625, "pairs": 16},
    }
    return {**figures, "pairs": len(margins), "groups": groups, "over_length": 0, "samples": samples}


def panel(reply: str) -> dict:
    sample = {
        "id": "tang-01",
        "theme": "山居",
        "reply_id": "0" * 64,
        "messages": [{"role": "user", "content": "续写这首诗"}],
        "reply": reply,
        "characters": len(reply),
        "tokens": 20,
        "stopped": False,
        "repetition": 0.5,
        "han_ratio": 0.9,
        "language": "zh",
        "in_language": True,
        "check": "quatrain5",
        "passed": False,
        "fault": "foreign script",
        "failure": "format",
    }
    return {
        "prompts": 1,
        "characters": 12.0,
        "tokens": 20.0,
        "stopped": 0.0,
        "repetition": 0.5,
        "han_ratio": 0.9,
        "distinct": 1.0,
        "in_language": 1.0,
        "checked": 1,
        "format_checked": 1,
        "passed": 0.0,
        "format_passed": 0.0,
        "failures": {"format": 1},
        "settings": {"seed": 42},
        "samples": [sample],
    }


def harness(accuracies: list[float], stage: str) -> dict:
    value = sum(accuracies) / len(accuracies)
    return {
        "task": "poem_continuation",
        "metric": "acc",
        "value": value,
        "stderr": 0.1,
        "n": len(accuracies),
        "metrics": {"acc": {"value": value, "stderr": 0.1}},
        "samples": [
            {"id": str(n), "task": "poem_continuation", "acc": accuracy} for n, accuracy in enumerate(accuracies)
        ],
        "command": f"lm-eval run --tasks poem_continuation # {stage}",
    }


def metrics(**changes: Any) -> dict:
    return {
        "rows": 60,
        "rows_lost": {"over_length": 2},
        "validation_rows": 6,
        "validation_rows_lost": {},
        "steps": 8,
        "best_step": 8,
        "first_loss": 4.0,
        "last_loss": 3.0,
        "tokens_trained": 5342,
        "trainable_parameters": 4884480,
        "loss": [{"step": 1, "loss": 4.0, "grad_norm": 0.9}, {"step": 8, "loss": 3.0, "grad_norm": 0.6}],
        "validation": [{"step": 8, "loss": 3.1}],
    } | changes


def evaluations(reply: str = "天地玄黃宇，宙洪荒日月。") -> dict[str, dict[str, dict]]:
    """Kind -> stage -> result: SFT lowers perplexity and learns the form, alignment changes nothing there."""
    return {
        "perplexity": {
            "base": perplexity([40.0, 41.0, 39.0, 40.5]),
            "sft": perplexity([27.0, 28.0, 26.5, 27.5], over_length=1),
            "align": perplexity([27.1, 27.9, 26.4, 27.6]),
        },
        "form": {"base": form([False] * 8), "sft": form([True] * 6 + [False] * 2), "align": form([True] * 8)},
        "preference": {
            "base": preference([0.1, -0.1, 0.2, -0.2] * 5),
            "sft": preference([0.1, -0.1, 0.2, -0.2] * 5),
            "align": preference([0.3, 0.2, 0.4, 0.1] * 5),
        },
        "panel": {stage: panel(reply) for stage in STAGES},
        "harness/poem_continuation": {
            "base": harness([0.0, 1.0, 0.0, 1.0], "base"),
            "sft": harness([0.0, 1.0, 1.0, 1.0], "sft"),
            "align": harness([1.0, 1.0, 1.0, 1.0], "align"),
        },
    }
