"""The data card as a page to read, in English and Chinese."""

from collections.abc import Iterable
from typing import Any

_STEPS = {"standardize": "规范化", "clean": "清洗", "mix": "混合", "split": "划分"}


def page(card: dict[str, Any]) -> str:
    """Return the card as Markdown."""
    parts = [
        "# Data card 数据卡",
        _uses(card),
        "## Sources and licences 来源与许可",
        _sources(card),
        "## Funnel 数据漏斗",
        "Every raw row is in a split, in a ledger with its reason, or counted as not taken by a quota. "
        "每一条原始数据都有去向：进入划分、记入剔除账本，或因配额未取用。",
        *(_funnel(name, steps) for name, steps in card["funnel"].items()),
        "## Rules 规则",
        _rules(card),
        _leaks(card["leaks"]),
        "## Distributions 分布",
        f"Rows that passed cleaning; tokens of `{card['tokenizer']}`. 通过清洗的数据；词元按上述模型的分词器计。",
        _distributions(card),
        "## Samples 样例",
        *_samples(card),
    ]
    return "\n\n".join(parts) + "\n"


def _uses(card: dict[str, Any]) -> str:
    rows = []
    for use, sums in card["uses"].items():
        splits = sums["splits"]
        languages = ", ".join(f"{name} {count:,}" for name, count in sums["languages"].items())
        rows.append(
            [use, _n(sums["rows"]), *(_n(splits[name]) for name in ("train", "val", "test")), languages,
             f"{sums['derived_share']:.0%}"]
        )  # fmt: skip
    header = ["Use 用途", "Rows 条数", "Train 训练", "Val 验证", "Test 测试", "Languages 语言", "Derived 构造所得"]
    return _table(header, rows)


def _sources(card: dict[str, Any]) -> str:
    rows = [
        [name, source["use"], f"`{source['from']}`", source["license"], source["adapter"], f"{source['weight']:g}"]
        for name, source in card["sources"].items()
    ]
    text = _table(["Source 来源", "Use 用途", "From 出处", "Licence 许可", "Adapter 适配器", "Weight 权重"], rows)
    if card["unused"]:
        text += f"\n\nNot used 未使用: {', '.join(card['unused'])}"
    return text


def _funnel(name: str, steps: list[dict[str, Any]]) -> str:
    rows = []
    for step in steps:
        dropped = ", ".join(f"{reason} {count:,}" for reason, count in step["dropped"].items())
        not_taken = ", ".join(f"{reason} {count:,}" for reason, count in step.get("not_taken", {}).items())
        label = f"{step['step']} {_STEPS[step['step']]}"
        rows.append([label, _n(step["in"]), _n(step["out"]), dropped or "–", not_taken or "–"])
    return f"### {name}\n\n" + _table(["Step 步骤", "In 输入", "Out 输出", "Dropped 剔除", "Not taken 未取用"], rows)


def _rules(card: dict[str, Any]) -> str:
    rules = card["rules"]
    names = list(rules["clean"])
    bounds = list(next(iter(rules["clean"].values()), {}))
    rows = [[bound, *(_value(rules["clean"][name][bound]) for name in names)] for bound in bounds]
    text = _table(["Clean 清洗", *names], rows)
    split = rules["split"]
    text += f"\n\nRepetition counts {rules['repetition_ngram']}-grams of characters. 重复率按字符 n 元组计。"
    near, eval_texts = rules["near_duplicates"], rules["decontaminate"]
    text += "\n\nNear-duplicates 近似重复: " + ", ".join(f"{key} {_value(value)}" for key, value in near.items())
    text += "\n\nDecontaminate 去污染: " + ", ".join(f"{key} {_value(value)}" for key, value in eval_texts.items())
    text += f"\n\nSplit by group 按组划分: train {split['train']:g}, val {split['val']:g}, test {split['test']:g}."
    for use, mix in rules["mix"].items():
        text += f"\n\nMix 混合 ({use}): " + ", ".join(f"{key} {_value(value)}" for key, value in mix.items())
    return text


def _leaks(leaks: dict[str, Any]) -> str:
    prompts, replies = leaks["prompts"], leaks["replies"]
    return (
        f"In two splits 跨划分: prompts 提示 {_n(prompts['in_two_splits'])} / {_n(prompts['distinct'])}, "
        f"replies 回复 {_n(replies['in_two_splits'])} / {_n(replies['distinct'])}."
    )


def _distributions(card: dict[str, Any]) -> str:
    rows = [
        [name, measure, *(f"{value:g}" for value in values.values())]
        for name, measures in card["distributions"].items()
        for measure, values in measures.items()
    ]
    return _table(["Source 来源", "Measure 指标", "min", "p5", "p25", "p50", "p75", "p95", "max", "mean"], rows)


def _samples(card: dict[str, Any]) -> Iterable[str]:
    for use, by_source in card["samples"].items():
        for name, rows in by_source.items():
            yield f"### {name} ({use})"
            yield from (_sample(row) for row in rows)


def _sample(row: dict[str, Any]) -> str:
    if "prompt" in row:
        turns = [(message["role"], message["content"]) for message in row["prompt"]]
        turns += [("chosen", row["chosen"][0]["content"]), ("rejected", row["rejected"][0]["content"])]
    else:
        turns = [(message["role"], message["content"]) for message in row["messages"]]
    lines = [f"`{row['id']}`", "", *(f"    {role}: {_one_line(content)}" for role, content in turns)]
    return "\n".join(lines)


def _one_line(text: str) -> str:
    text = text.replace("\n", " ⏎ ")
    return text if len(text) <= 300 else text[:299] + "…"


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _n(count: int) -> str:
    return f"{count:,}"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes 是" if value else "no 否"
    return "off 关" if value is None else str(value)
