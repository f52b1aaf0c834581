"""The model card: what the model is, what it was trained on, and how it did."""

import re
from typing import Any

import yaml

from workflow_scripts.lib.config.fields import Section, Text, Whole, optional
from workflow_scripts.lib.reporting import licences

STAGE_NAMES = {"sft": "supervised fine-tuning 监督微调", "align": "preference alignment 偏好对齐"}


class CardedModel(Section):
    """The base model."""

    base: Text
    license: Text
    system_prompt: optional(Text)


class ModelCardConfig(Section):
    """What the model card tells of the config; ``sft`` and ``align`` are shown as they are."""

    recipe: Text
    seed: Whole
    folder: Text
    stage: Text
    model: CardedModel
    sft: dict[str, Any]
    align: dict[str, Any]


def page(config: ModelCardConfig, report: dict[str, Any], data: dict[str, Any]) -> str:
    """Return the card as Markdown with the front matter that model hubs read.

    Args:
        config: What to tell of the config.
        report: report.json.
        data: The data card's JSON.
    """
    trained = ["sft", "align"][: 1 if config.stage == "sft" else 2]
    sources = {
        name: source for name, source in data["sources"].items() if source["used"] and source["use"] in _uses(trained)
    }
    lines = [
        "---",
        yaml.safe_dump(_front_matter(config, report), allow_unicode=True, sort_keys=False).rstrip(),
        "---",
        "",
        f"# {config.recipe} ({config.folder})",
        "",
        f"Base model 基座: `{config.model.base}` ({config.model.license})  ",
        f"Trained by 训练: {', then '.join(STAGE_NAMES[stage] for stage in trained)}  ",
        f"System prompt 系统提示: {config.model.system_prompt or '(none 无)'}",
        "",
        "## Results 结果",
        "",
        *_results(report, config.stage),
        "",
        "## Data 数据",
        "",
        "| Source 来源 | Use 用途 | From 出处 | Licence 许可 |",
        "| --- | --- | --- | --- |",
        *(
            f"| {name} | {source['use']} | `{source['from']}` | {source['license']} |"
            for name, source in sorted(sources.items())
        ),
        "",
        *_licences(sources),
        "",
        "## Training 训练",
        "",
        *_training(config, report, trained),
        "",
    ]
    return "\n".join(lines)


def _licences(sources: dict[str, Any]) -> list[str]:
    judged = licences.verdict({name: source["license"] for name, source in sources.items()}).as_json()
    found = licences.VERDICTS[judged["publishable"]]
    lines = [f"The data 数据: **{found['en']}** {found['zh']}", ""]
    lines += [f"* {reason['source']}: {reason['en']} {reason['zh']}" for reason in judged["reasons"]]
    return lines + [f"* {conflict['en']} {conflict['zh']}" for conflict in judged["conflicts"]]


def _uses(trained: list[str]) -> set[str]:
    return {"sft"} | ({"preference"} if "align" in trained else set())


def _front_matter(config: ModelCardConfig, report: dict[str, Any]) -> dict[str, Any]:
    peft = config.folder != "merged"
    name = f"{config.recipe}-{config.folder}"
    base = re.fullmatch(r"hf://([^/@]+/[^/@]+)(?:[@/].*)?", config.model.base)
    return {
        "license": config.model.license,
        "language": ["zh"],
        "pipeline_tag": "text-generation",
        "library_name": "peft" if peft else "transformers",
        **({"base_model": base[1]} if base else {}),
        "tags": ["tuiqiao", config.stage, *(["lora"] if peft else [])],
        "model-index": [{"name": name, "results": [_index(config, report)]}],
    }


def _index(config: ModelCardConfig, report: dict[str, Any]) -> dict[str, Any]:
    """Return the figures as a hub's pages show them."""
    figures = [
        {"type": metric["name"], "name": f"{metric['name']} ({metric['unit']})", "value": found["value"]}
        for metric in report["metrics"]
        if (found := metric["stages"].get(config.stage))
    ]
    data = {"type": config.recipe, "name": f"{config.recipe}, held out", "split": report["held_out"]}
    return {"task": {"type": "text-generation"}, "dataset": data, "metrics": figures}


def _results(report: dict[str, Any], stage: str) -> list[str]:
    lines = [
        f"On the {report['held_out']} split. 在{'测试' if report['held_out'] == 'test' else '验证'}集上。",
        "",
        "| Figure 指标 | Base 基座 | This model 本模型 | n |",
        "| --- | --- | --- | --- |",
    ]
    for metric in report["metrics"]:
        found = metric["stages"]
        if stage in found:
            shown = [_value(found[name]) if name in found else "–" for name in ("base", stage)]
            lines.append(f"| {metric['name']} ({metric['unit']}) | {' | '.join(shown)} | {found[stage]['n']} |")
    return lines


def _value(figure: dict[str, Any]) -> str:
    error = f" ± {figure['stderr']:.2g}" if "stderr" in figure else ""
    return f"{figure['value']:.4g}{error}"


def _training(config: ModelCardConfig, report: dict[str, Any], trained: list[str]) -> list[str]:
    lines = []
    for stage in trained:
        settings = config.sft if stage == "sft" else config.align
        done = report["training"][stage]
        shown = {name: value for name, value in settings.items() if value is not None}
        lines += [
            f"### {STAGE_NAMES[stage]}",
            "",
            f"{done['rows']:,} rows at hand, {done['rows_seen']:,} trained on ({done['steps']:,} steps of "
            f"{done['global_batch_size']:,} rows, {done['epochs']:g} epochs), {done['tokens_trained']:,} tokens; "
            f"loss {done['first_loss']:.3f} → {done['last_loss']:.3f}.  ",
            f"现有数据 {done['rows']:,} 条，训练了 {done['rows_seen']:,} 条次（{done['steps']:,} 步 × "
            f"{done['global_batch_size']:,} 条，{done['epochs']:g} 轮）。",
            "",
            "```yaml",
            yaml.safe_dump(shown, allow_unicode=True, sort_keys=False).rstrip(),
            "```",
            "",
        ]
    return [*lines, f"Seed 随机种子: {config.seed}"]
