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
    "form": {"en": "Correct form", "zh": "格律合格率"},
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
