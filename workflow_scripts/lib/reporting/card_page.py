"""The data card as a page to read and to publish, in English and Chinese."""

from collections.abc import Iterator
from typing import Any

from workflow_scripts.lib.reporting.card_front import front_matter
from workflow_scripts.lib.reporting.card_samples_page import samples
from workflow_scripts.lib.reporting.licences import VERDICTS
from workflow_scripts.lib.reporting.markdown import block, code, escaped, table
from workflow_scripts.lib.reporting.words import REASONS, STEPS, known

_SPLITS = ("train", "val", "test")


def page(card: dict[str, Any]) -> str:
    """Return the card as Markdown with the front matter of a data set on a hub."""
    parts = [
        front_matter(card),
        f"# Data card 数据卡: {escaped(card['recipe'])}",
        *_warnings(card),
        _uses(card),
        "## Sources and licences 来源与许可",
        _sources(card),
        *_licences(card),
        "## Funnel 数据漏斗",
        "Every raw record ends in a split, in a ledger with its reason, or is counted as not taken by a quota; in each "
        "line, *in* = *out* + *dropped* + *not taken* (+ *joined* − *further*), which the run itself checks. "
        "每条原始记录都有去向：进入划分、记入剔除账本，或因配额未取用；"
        "每一行“输入 = 输出 + 剔除 + 未取用”，由运行自身核对。",
        "![Rows left after each step 各步骤之后剩下的条数](card/funnel.svg)",
        *(_funnel(name, steps) for name, steps in card["funnel"].items()),
        "## Rules and thresholds 规则与阈值",
        *_rules(card),
        _leaks(card["leaks"]),
        "## Distributions 分布",
        f"Rows that passed cleaning; tokens of {code(card['model']['base'])}. 通过清洗的数据；词元按该模型的分词器计。"
        " Where tokens were counted of a part of the rows only, the figures are that part's. "
        "若只统计了部分数据的词元，则数值属于该部分。",
        "![Lengths 长度](card/lengths.svg)",
        "Languages 语言:",
        "![Languages 语言](card/languages.svg)",
        "Turns of the user in a conversation 对话中用户的轮数:",
        "![Turns 轮数](card/turns.svg)",
        _distributions(card),
        *_clusters(card),
        "## Tokens, memory, size 词元、内存、规模",
        *_tokens(card),
        "## Diversity of instructions 指令的多样性",
        *_instructions(card),
        "## Samples 样例",
        *samples(card),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _warnings(card: dict[str, Any]) -> Iterator[str]:
    for warning in card["warnings"]:
        yield f"> ⚠ {escaped(warning['en'])} {escaped(warning['zh'])}"


def _uses(card: dict[str, Any]) -> str:
    rows = []
    for use, sums in card["uses"].items():
        languages = ", ".join(f"{name} {count:,}" for name, count in sums["languages"].items())
        tokens = sums["tokens"].get("train")
        rows.append(
            [use, f"{sums['rows']:,}", *(f"{sums['splits'][name]:,}" for name in _SPLITS), languages,
             f"{tokens['total']:,}" if tokens else "–", f"{sums['derived_share']:.0%}"]
        )  # fmt: skip
    header = ["Use 用途", "Rows 条数", "Train 训练", "Val 验证", "Test 测试", "Languages 语言"]
    return table([*header, "Tokens (train) 训练词元", "Derived, not judged 构造所得"], rows)


def _sources(card: dict[str, Any]) -> str:
    rows = []
    for name, source in card["sources"].items():
        raw = source.get("raw")
        files = f"{raw['files']:,} · {code(raw['sha256'][:16])}" if raw else "own files 自备文件"
        revision = f" @ {code(source['revision'])}" if "revision" in source else ""
        revision += f" → {code(raw['commit'])}" if raw and "commit" in raw else ""
        used = "yes 是" if source["used"] else "no 否"
        rows.append(
            [name, source["use"], escaped(source["license"]), f"{code(source['from'])}{revision}", files,
             f"{used} ({source['weight']:g})"]
        )  # fmt: skip
    header = [
        "Source 来源",
        "Use 用途",
        "Licence 许可",
        "From, revision 出处与版本",
        "Raw files · digest 原始文件 · 摘要",
    ]
    return table([*header, "Used (weight) 使用（权重）"], rows)


def _licences(card: dict[str, Any]) -> Iterator[str]:
    judged = card["licences"]
    found = VERDICTS[judged["publishable"]]
    yield f"**{found['en']}** {found['zh']}"
    rows = [
        f"* {reason['source']} ({escaped(card['sources'][reason['source']]['license'])}): {reason['en']} {reason['zh']}"
        for reason in judged["reasons"]
    ]
    rows += [f"* {escaped(conflict['en'])} {escaped(conflict['zh'])}" for conflict in judged["conflicts"]]
    yield "\n".join(rows)
    yield "A reading of the licences, no legal advice. 仅为对许可文本的解读，不构成法律意见。"


def _funnel(name: str, steps: list[dict[str, Any]]) -> str:
    rows = []
    for step in steps:
        words = known(STEPS, step["step"])
        extra = [f"{name} {REASONS[name]['zh']} {step[name]:,}" for name in ("joined", "further") if step[name]]
        unit = "records 条原始记录" if step["unit"] == "records" else "rows 行"
        rows.append(
            [
                f"{words['en']} {words['zh']}",
                f"{step['in']:,} {unit}",
                f"{step['out']:,}",
                _reasons(step["dropped"]) or "–",
                ", ".join([_reasons(step["not_taken"])] * bool(step["not_taken"]) + extra) or "–",
            ]
        )
    header = ["Step 步骤", "In 输入", "Out 输出", "Dropped 剔除", "Not taken, joined, further 未取用、并入、拆出"]
    return f"### {name}\n\n" + table(header, rows)


def _reasons(counts: dict[str, int]) -> str:
    return ", ".join(f"{reason_named(reason)} {count:,}" for reason, count in counts.items())


def reason_named(reason: str) -> str:
    """Return a reason as the ledger has it, and in Chinese where there is a word for it."""
    return f"{code(reason)} {REASONS[reason]['zh']}" if reason in REASONS else code(reason)


def _rules(card: dict[str, Any]) -> Iterator[str]:
    rules = card["rules"]
    names = list(rules["clean"])
    bounds = list(next(iter(rules["clean"].values()), {}))
    rows = [[code(bound), *(_value(rules["clean"][name][bound]) for name in names)] for bound in bounds]
    yield table(["clean 清洗", *names], rows)
    yield (
        "Bounds are inclusive, for a whole conversation (prompt and chosen answer of a pair). Repetition is "
        f"1 − distinct / all {rules['repetition_ngram']}-grams of characters. "
        "界限含端点，按整段对话计（偏好对为提示与优选答案）；"
        f"重复率为 1 − 不同的 {rules['repetition_ngram']} 字组 / 全部 {rules['repetition_ngram']} 字组。"
    )
    for name, values in rules.items():
        if isinstance(values, dict) and name not in ("clean", "mix", "split"):
            yield f"{code(name)}: " + ", ".join(f"{code(key)} {_value(value)}" for key, value in values.items())
    split = rules["split"]
    yield f"Split by group 按组划分: train {split['train']:g}, val {split['val']:g}, test {split['test']:g}."
    for use, mix in rules["mix"].items():
        yield f"Mix 混合 ({use}): " + ", ".join(f"{code(key)} {_value(value)}" for key, value in mix.items())


def _leaks(leaks: dict[str, Any]) -> str:
    prompts, replies = leaks["prompts"], leaks["replies"]
    return (
        f"In two splits 跨划分: prompts 提示 {prompts['in_two_splits']:,} / {prompts['distinct']:,}, "
        f"replies 回复 {replies['in_two_splits']:,} / {replies['distinct']:,}."
    )


def _distributions(card: dict[str, Any]) -> str:
    rows = [
        [name, measure, *(f"{value:g}" for value in values.values())]
        for name, measures in card["distributions"].items()
        for measure, values in measures.items()
    ]
    return table(["Source 来源", "Measure 指标", "min", "p5", "p25", "p50", "p75", "p95", "max", "mean"], rows)


def _clusters(card: dict[str, Any]) -> Iterator[str]:
    if card["clusters"]:
        yield "Near-duplicate clusters before cleaning 清洗前的近似重复簇:"
        rows = [[name, *(f"{number:,}" for number in found.values())] for name, found in card["clusters"].items()]
        yield table(["Source 来源", "Clusters 簇数", "Rows in them 其中条数", "Largest 最大簇"], rows)
    yield "Exact duplicates dropped 剔除的完全重复: " + ", ".join(
        f"{name} {count:,}" for name, count in card["duplicates"].items()
    )


def _tokens(card: dict[str, Any]) -> Iterator[str]:
    rows = [
        [use, split, *(f"{found[key]:,.0f}" for key in ("total", "p50", "p95", "max")), f"{found['estimated_rows']:,}"]
        for use, sums in card["uses"].items()
        for split, found in sums["tokens"].items()
    ]
    if rows:
        header = ["Use 用途", "Split 划分", "Tokens 词元", "p50", "p95", "max", "Rows estimated 估算条数"]
        yield table(header, rows)
        yield "Both answers of a pair counted, chat template not. 偏好对两侧答案都计入，不含对话模板。"
    for use, sums in card["uses"].items():
        yield f"**{use}**: {sums['size']['en']} {sums['size']['zh']}"
    memory = card.get("memory")
    if memory is None:
        return
    yield (
        f"Memory of LoRA training (rank {memory['lora_rank']}, one row of {memory['tokens']:,} tokens at a time, "
        f"{card['model']['parameters'] / 1e6:,.0f} M parameters), estimated as weights + adapter with AdamW + "
        "activations + logits; the framework's own 0.5–1 GiB and a tenth for the allocator come on top. "
        f"LoRA 训练所需内存估计（秩 {memory['lora_rank']}，每次一条 {memory['tokens']:,} 词元）：权重 + 适配器与优化器 "
        "+ 激活 + logits；另加框架自身 0.5–1 GiB 和约一成的分配损耗。"
    )
    rows = [
        [
            estimate["weights"],
            "yes 是" if estimate["gradient_checkpointing"] else "no 否",
            f"{estimate['bytes'] / 2**30:.2f} GiB",
        ]
        for estimate in memory["estimates"]
    ]
    yield table(["Weights 权重精度", "Gradient checkpointing 梯度检查点", "Memory 内存"], rows)


def _instructions(card: dict[str, Any]) -> Iterator[str]:
    yield (
        "First user turns of the training rows. A pattern is an opening or an ending of three characters or words that "
        "at least 1 % of them share. 训练数据的首轮用户发言；至少 1% 共有的开头或结尾（三字或三词）算一种句式。"
    )
    for use, sums in card["uses"].items():
        found = sums["instructions"]
        if not found["rows"]:
            continue
        most = found["most_frequent"]["share"]
        yield (
            f"**{use}**: {found['distinct']:,} different ones in {found['rows']:,} rows, the most frequent one in "
            f"{most:.1%}; {found['num_patterns']:,} patterns in {found['in_patterns']:.0%} of the rows. "
            f"{found['rows']:,} 条中有 {found['distinct']:,} 种指令，最常见的一条占 {most:.1%}；"
            f"{found['num_patterns']:,} 种句式，合占 {found['in_patterns']:.0%}。"
        )
        lines = [f"{pattern['share']:6.1%}  {pattern['pattern']}" for pattern in found["patterns"]]
        yield block(lines)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes 是" if value else "no 否"
    return "off 关" if value is None else escaped(str(value))
