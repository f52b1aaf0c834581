"""Names and figures as people read them, in English and Chinese."""

from workflow_scripts.lib.reporting.report_schema import Comparison

Words = dict[str, str]  # language -> text

STAGES: dict[str, Words] = {
    "base": {"en": "base", "zh": "基座"},
    "sft": {"en": "SFT", "zh": "微调"},
    "align": {"en": "aligned", "zh": "对齐"},
}
METRICS: dict[str, Words] = {
    "perplexity": {"en": "Perplexity", "zh": "困惑度"},
    "nats_per_character": {"en": "Nats per character", "zh": "每字奈特数"},
    "form": {"en": "Correct form", "zh": "形式合格率"},
    "preference_accuracy": {"en": "Preference accuracy", "zh": "偏好准确率"},
    "preference_margin": {"en": "Preference margin", "zh": "偏好差值"},
    "panel_passed": {"en": "Panel checks passed", "zh": "面板检查通过率"},
    "poem_continuation": {"en": "Poem continuation", "zh": "诗句续接"},
}
VERDICTS: dict[str, Words] = {
    "better": {"en": "better", "zh": "变好"},
    "worse": {"en": "worse", "zh": "变差"},
    "no significant change": {"en": "no significant change", "zh": "无显著变化"},
}

UNITS: dict[str, Words] = {
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
STEPS: dict[str, Words] = {
    "standardize": {"en": "standardize", "zh": "规范化"},
    "clean": {"en": "clean", "zh": "清洗"},
    "mix": {"en": "mix", "zh": "混合"},
    "split": {"en": "split", "zh": "划分"},
}
REASONS: dict[str, Words] = {
    "empty": {"en": "empty", "zh": "空"},
    "foreign script": {"en": "foreign script", "zh": "夹杂外文或数字"},
    "line count": {"en": "line count", "zh": "句数不对"},
    "line length": {"en": "line length", "zh": "字数不对"},
    "punctuation": {"en": "punctuation", "zh": "标点不对"},
    "not stopped": {"en": "not stopped", "zh": "没有停下"},
    "form": {"en": "other form", "zh": "体裁不符"},
    "outside_share": {"en": "outside the share", "zh": "不在所取份额内"},
    "no_rejected": {"en": "no rejected side found", "zh": "找不到被拒一方"},
    "duplicate": {"en": "duplicate", "zh": "重复"},
    "duplicate_across_sources": {"en": "duplicate across sources", "zh": "跨来源重复"},
    "near_duplicate": {"en": "near-duplicate", "zh": "近似重复"},
    "contaminated": {"en": "holds an evaluation text", "zh": "含评测文本"},
    "over_length": {"en": "too long", "zh": "超长"},
    "truncated": {"en": "truncated", "zh": "被截断"},
}


def known(names: dict[str, Words], name: str) -> Words:
    """Return a name in both languages; one that is not known stands for itself."""
    return names.get(name, {"en": name.replace("_", " "), "zh": name.replace("_", " ")})


def name_of(metric: str) -> Words:
    return METRICS.get(metric, {"en": metric, "zh": metric})


def number(value: float, *, sign: bool = False) -> str:
    """Return a figure with three significant digits, or whole above a hundred."""
    if value == 0:
        return "0"
    text = f"{value:+,.0f}" if abs(value) >= 100 else f"{value:+#.3g}"
    return text if sign else text.lstrip("+")


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
