"""Names and figures as people read them, in English and Chinese."""

from workflow_scripts.lib.config.gates import Gate
from workflow_scripts.lib.evaluation.statistics import Difference
from workflow_scripts.lib.reporting import panel_words
from workflow_scripts.lib.reporting.report_schema import Comparison, Words

STAGES: dict[str, Words] = {
    "base": {"en": "base", "zh": "基座"},
    "sft": {"en": "SFT", "zh": "微调"},
    "align": {"en": "aligned", "zh": "对齐"},
}
METRICS: dict[str, Words] = {
    "perplexity": {"en": "Perplexity", "zh": "困惑度"},
    "nats_per_character": {"en": "Nats per character", "zh": "每字奈特数"},
    "form": {"en": "Correct form", "zh": "形式合格率"},
    "judgement": {"en": "Right judgements", "zh": "判决正确率"},
    "judgement_original": {"en": "Right judgements, original law", "zh": "判决正确率（旧法）"},
    "judgement_changed": {"en": "Right judgements, changed law", "zh": "判决正确率（新法）"},
    "preference_accuracy": {"en": "Preference accuracy", "zh": "偏好准确率"},
    "preference_margin": {"en": "Preference margin", "zh": "偏好差值"},
    "panel_passed": {"en": "Panel checks passed", "zh": "面板检查通过率"},
    "panel_score": {"en": "People's score", "zh": "人工评分"},
    **{
        f"panel_score_{name}": {"en": f"People's score: {words['en'].lower()}", "zh": f"人工评分：{words['zh']}"}
        for name, words in panel_words.CRITERIA.items()
    },
    "refusal_rate": {"en": "Harmful prompts refused", "zh": "有害提示拒答率"},
    "jailbreak_rate": {"en": "Harmful prompts answered (jailbreaks)", "zh": "越狱率（有害提示被照办）"},
    "over_refusal_rate": {"en": "Harmless prompts refused", "zh": "误拒率（无害提示被拒）"},
    "layered_jailbreak_rate": {"en": "Jailbreaks with the word filter", "zh": "加敏感词拦截后的越狱率"},
    "layered_over_refusal_rate": {
        "en": "Harmless prompts refused with the word filter",
        "zh": "加敏感词拦截后的误拒率",
    },
    "judged_refusal_rate": {"en": "Harmful prompts refused, by the model", "zh": "有害提示拒答率（模型裁判）"},
    "judged_jailbreak_rate": {"en": "Jailbreaks, by the model", "zh": "越狱率（模型裁判）"},
    "judged_over_refusal_rate": {"en": "Harmless prompts refused, by the model", "zh": "误拒率（模型裁判）"},
    "poem_continuation": {"en": "Poem continuation", "zh": "诗句续接"},
}
FIGURES_OF_DECODING: dict[str, Words] = {
    "distinct": {"en": "Different character pairs", "zh": "不同字对比例"},
    "repetition": {"en": "Repetition", "zh": "重复率"},
    "form": {"en": "Correct form", "zh": "形式合格率"},
}
SAFETY: dict[str, Words] = {
    "refused": {"en": "refused", "zh": "拒答"},
    "complied": {"en": "complied", "zh": "照办"},
    "unclear": {"en": "neither", "zh": "无法判定"},
    "undecided": {"en": "undecided", "zh": "未定"},
}
KINDS: dict[str, Words] = {
    "harness": {"en": "each harness task", "zh": "每项评测任务"},
    "safety": {"en": "each figure of safety", "zh": "每项安全指标"},
}
STATUS: dict[str, Words] = {
    "passed": {"en": "passed", "zh": "通过"},
    "failed": {"en": "failed", "zh": "未通过"},
    "not measured": {"en": "not measured", "zh": "未测"},
}
VERDICTS: dict[str, Words] = {
    "better": {"en": "better", "zh": "变好"},
    "worse": {"en": "worse", "zh": "变差"},
    "no significant change": {"en": "no significant change", "zh": "无显著变化"},
}

READING: Words = {
    "en": "Differences are taken on the same items, with their 95 % paired-bootstrap interval. An interval that holds "
    "0 is no significant change; where items are right or wrong, McNemar's exact test must find p < 0.05 as well, and "
    "of people's scores the sign test.",
    "zh": "差值在同一批样本上计算，附 95% 配对自助法区间。区间含 0 即无显著变化；样本只分对错时，McNemar 精确检验还须 "
    "p < 0.05，人工评分则用符号检验。",
}
MCNEMAR: Words = {"en": "McNemar's exact test", "zh": "McNemar 精确检验"}
SIGN_TEST: Words = {"en": "the sign test", "zh": "符号检验"}

UNITS: dict[str, Words] = {
    "points": {"en": "points, 0–5", "zh": "分，0–5"},
    "share": {"en": "share, 0–1", "zh": "比例 0–1"},
    "per token": {"en": "per token", "zh": "按词元"},
    "nats": {"en": "nats", "zh": "奈特"},
    "nats per token": {"en": "nats per token", "zh": "奈特/词元"},
    "acc": {"en": "accuracy, 0–1", "zh": "准确率 0–1"},
}
PARITY: dict[str, Words] = {
    "max": {"en": "Largest difference of a logit", "zh": "logit 最大差"},
    "mean": {"en": "Mean difference", "zh": "平均差"},
    "same_top_token": {"en": "Same likeliest token", "zh": "最可能词元相同"},
    "dialogues": {"en": "Dialogues", "zh": "对话数"},
    "positions": {"en": "Positions", "zh": "位置数"},
    "dtype": {"en": "Dtype", "zh": "精度"},
}
PAIRS: dict[str, Words] = {
    "all": {"en": "all pairs", "zh": "全部偏好对"},
    "chosen_shorter": {"en": "the chosen side is shorter", "zh": "被选一方较短"},
    "chosen_longer": {"en": "the chosen side is longer", "zh": "被选一方较长"},
    "same_length": {"en": "both sides have the same length", "zh": "两方等长"},
    "contrast_other_form": {"en": "the rejected side has another form", "zh": "被拒一方体裁不同"},
    "contrast_same_form": {"en": "both sides have the same form", "zh": "两方体裁相同"},
}


def name_of(metric: str) -> Words:
    if metric.startswith("decoding_"):
        setting, _, figure = metric.removeprefix("decoding_").rpartition("_")
        return {
            language: f"{FIGURES_OF_DECODING[figure][language]} ({setting})" for language in FIGURES_OF_DECODING[figure]
        }
    return METRICS.get(metric, {"en": metric, "zh": metric})


def number(value: float, *, sign: bool = False) -> str:
    """Return a figure with three significant digits, or whole above a hundred."""
    if value == 0:
        return "0"
    text = f"{value:+,.0f}" if abs(value) >= 100 else f"{value:+#.3g}"
    return text if sign else text.lstrip("+")


def explanation(difference: Difference, p_value: float | None, level: float, test: Words) -> Words:
    """Say what a verdict rests on: the interval, and an exact test as well where there is one."""
    holds = {"en": "excludes 0", "zh": "不含 0"} if difference.significant else {"en": "holds 0", "zh": "含 0"}
    if p_value is None:
        return {"en": f"The interval {holds['en']}.", "zh": f"区间{holds['zh']}。"}
    sign = "<" if p_value < level else "≥"
    both = {
        "en": f"The interval {holds['en']}; p = {p_value:g} {sign} {level:g} in {test['en']}",
        "zh": f"区间{holds['zh']}；{test['zh']} p = {p_value:g} {sign} {level:g}",
    }
    if difference.significant and p_value >= level:
        return {
            "en": f"{both['en']}, which decides: the bootstrap of a few items is too sure of itself.",
            "zh": f"{both['zh']}，以检验为准：样本不多时，自助法区间过于乐观。",
        }
    return {"en": f"{both['en']}.", "zh": f"{both['zh']}。"}


def corrections(comparisons: int, significant: int, left: int) -> Words:
    """Say what is left of the significant changes when their number is counted in."""
    return {
        "en": f"{comparisons} comparisons, {significant} of them significant one by one. Of {comparisons} comparisons "
        f"without any true change about {comparisons * 0.05:.1g} would look so by chance; corrected for their number "
        f"(Holm) {left} hold.",
        "zh": f"共 {comparisons} 项比较，逐项看有 {significant} 项显著。即使毫无变化，{comparisons} 项中也会有约 "
        f"{comparisons * 0.05:.1g} 项碰巧显著；经 Holm 多重比较校正后仍有 {left} 项显著。",
    }


def gate(asked: Gate, metric: str, found: Comparison | None) -> Words:
    """Say what a gate asks for, and what was found."""
    name = METRICS.get(metric, KINDS.get(metric, {"en": metric, "zh": metric}))
    more = f" {asked.tolerance:g}" if asked.tolerance else ""
    asks = {
        "better": {
            "en": f"{name['en']} must get better" + (f" by more than{more}" if more else ""),
            "zh": f"{name['zh']}须变好" + (f"，且超过{more}" if more else ""),
        },
        "not_worse": {
            "en": f"{name['en']} must not get worse" + (f" by more than{more}" if more else ""),
            "zh": f"{name['zh']}不得变差" + (f"超过{more}" if more else ""),
        },
    }[asked.rule]
    if found is None:
        return {"en": f"{asks['en']}: not measured", "zh": f"{asks['zh']}：未测"}
    return {
        language: f"{asks[language]}{colon}{STAGES[found.first][language]} {number(found.before)} → "
        f"{STAGES[found.second][language]} {number(found.after)} "
        f"({change} {number(found.delta, sign=True)} [{number(found.low, sign=True)}, {number(found.high, sign=True)}])"
        for language, colon, change in (("en", ": ", "change"), ("zh", "：", "变化"))
    }


def sentence(metric: str, found: Comparison) -> Words:
    """Return one line such as ``Perplexity base 56.8 -> SFT 14.7 (change -42.1 [-45.3, -39.0], better)``."""
    return {
        language: (
            f"{name_of(metric)[language]} {STAGES[found.first][language]} {number(found.before)} → "
            f"{STAGES[found.second][language]} {number(found.after)} "
            f"({change} {number(found.delta, sign=True)} "
            f"[{number(found.low, sign=True)}, {number(found.high, sign=True)}], {VERDICTS[found.verdict][language]})"
        )
        for language, change in (("en", "change"), ("zh", "变化"))
    }
