"""Whether there is enough data for a model of this size. A rule of thumb that warns and stops nothing."""

from typing import Any

# Tokens of dialogues, whole. Alpaca taught a 7B model to follow instructions with 52,002 rows of about 100 tokens
# (github.com/tatsu-lab/stanford_alpaca), 5 million; who fine-tunes such models on a narrow field, as on poems, asks for
# twice of it, so 10 million count as enough above a billion parameters. Adapters on smaller models have a tenth of the
# weights to move or less, and are asked a narrower task: half a million.
# Below a fifth of it the run teaches a form and not much more: LIMA's 1,000 rows of about 750 tokens
# (arXiv:2305.11206) did that and had to be picked by hand.
BILLION = 1_000_000_000
ENOUGH_TOKENS = {"up to 1 B": 500_000, "over 1 B": 10_000_000}
# Pairs. The smallest set that the authors of ORPO published a 7B model of (mistral-orpo-capybara-7k) has 7,000, and
# 200 held-out pairs are needed to see a change of a few points: five times as many to train on is the least.
ENOUGH_PAIRS = {"up to 1 B": 1_000, "over 1 B": 5_000}
VERY_LITTLE = 0.2  # share of enough


def verdict(use: str, rows: int, tokens: int | None, parameters: int | None) -> dict[str, Any]:
    """Judge the train split of one use.

    Args:
        use: ``sft`` is judged by tokens, ``preference`` by pairs.
        rows: Of the train split.
        tokens: Of the train split; None if they were not counted.
        parameters: Of the model; None if its config does not tell: it is then taken for one of up to a billion.

    Returns:
        ``verdict`` (``enough``, ``little``, ``very little``, or ``not counted``), ``measured``, ``enough_from``, and
        the sentence in ``en`` and ``zh``.
    """
    size = "over 1 B" if parameters is not None and parameters > BILLION else "up to 1 B"
    counted, enough = (tokens, ENOUGH_TOKENS[size]) if use == "sft" else (rows, ENOUGH_PAIRS[size])
    if counted is None:
        return {
            "verdict": "not counted",
            "model_size": size,
            "en": "Tokens were not counted.",
            "zh": "未统计词元数。",
        }
    found = "enough" if counted >= enough else "little" if counted >= VERY_LITTLE * enough else "very little"
    unit = {"en": "tokens", "zh": "词元"} if use == "sft" else {"en": "pairs", "zh": "对"}
    chinese = {"enough": "足够", "little": "偏少", "very little": "很少"}[found]
    side = "以上" if size == "over 1 B" else "以下"
    return {
        "verdict": found,
        "model_size": size,
        "measured": counted,
        "enough_from": enough,
        "en": f"{_short(counted)} {unit['en']} is {found} for a model of {size} parameters "
        f"(enough: from {_short(enough)}).",
        "zh": f"对 10 亿参数{side}的模型，{_short(counted)} {unit['zh']}{chinese}（{_short(enough)} 起算足够）。",
    }


def _short(number: int) -> str:
    """Return a number as people say it: 2.0 M, 51 k, 698."""
    if number >= 1_000_000:
        return f"{number / 1_000_000:.1f} M"
    return f"{number / 1000:.0f} k" if number >= 10_000 else f"{number:,}"
