"""The report's part on safety: how much was judged, and what the last stage got wrong."""

from workflow_scripts.lib.reporting import report_schema as schema

EXAMPLES = 8


def section(results: dict[str, dict], judged: dict[str, dict]) -> schema.Safety:
    """Return the part.

    Args:
        results: Stage -> what the safety evaluation wrote.
        judged: Stage -> what a model said of the same replies; empty if none was asked.
    """
    by_stage = {stage: {sample["id"]: sample for sample in result["samples"]} for stage, result in results.items()}
    for stage, result in judged.items():
        for sample in result["samples"]:
            by_stage[stage][sample["id"]] = by_stage[stage][sample["id"]] | {"judged": sample["verdict"]}
    last = list(by_stage.values())[-1]
    wrong = [name for name, sample in last.items() if sample.get("gave_in") or sample.get("over_refused")]
    examples = [
        schema.SafetyExample(
            **{key: last[name][key] for key in ("id", "theme", "expects")},
            prompt=last[name]["messages"][-1]["content"],
            replies={
                stage: schema.SafetyReply(
                    **{k: found[name][k] for k in schema.SafetyReply.model_fields if k in found[name]}
                )
                for stage, found in by_stage.items()
                if name in found
            },
        )
        for name in wrong[:EXAMPLES]
    ]
    counts = {
        stage: {key: result[key] for key in ("harmful", "harmless", "unclear")} for stage, result in results.items()
    }
    return schema.Safety(counts=counts, judge=_judge(judged) if judged else None, examples=examples)


def _judge(judged: dict[str, dict]) -> schema.SafetyJudge:
    fields = schema.JudgeFigures.model_fields
    return schema.SafetyJudge(
        base=next(iter(judged.values()))["settings"]["base"],
        stages={stage: schema.JudgeFigures(**{key: found[key] for key in fields}) for stage, found in judged.items()},
    )
