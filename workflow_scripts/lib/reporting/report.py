"""Put the whole report together from what the other steps wrote."""

from typing import Any, Literal

from workflow_scripts.lib.config.fields import Count, Section, Text, Whole
from workflow_scripts.lib.config.gates import Gate
from workflow_scripts.lib.config.models import LicensedModel
from workflow_scripts.lib.config.training import Method
from workflow_scripts.lib.evaluation.panel_scores import Scores
from workflow_scripts.lib.reporting import exposure, gates, panel_ratings, report_safety, report_words
from workflow_scripts.lib.reporting import report_schema as schema
from workflow_scripts.lib.reporting.report_metrics import Resampling, Results, all_metrics, corrected, corrections

STAGES: tuple[schema.Stage, ...] = ("base", "sft", "align")
EXAMPLES = 12  # poems whose continuations are shown
ORDER = ("perplexity", "form", "judgement", "decoding", "preference", "panel", "safety", "safety_judged")


class ReportAlign(Section):
    method: Method
    global_batch_size: Count


class ReportTraining(Section):
    global_batch_size: Count


class ReportEval(Section):
    bootstrap_samples: Count
    gates: list[Gate]


class ReportConfig(Section):
    recipe: Text
    hardware: Text
    seed: Whole
    held_out: Literal["test", "val"]
    model: LicensedModel
    sft: ReportTraining
    align: ReportAlign
    eval: ReportEval
    panel_scores: Text | None


def build(
    config: ReportConfig,
    evaluations: dict[str, Results],
    training: dict[str, dict],
    card: dict[str, Any],
    parity: dict[str, Any] | None,
    provenance: schema.Provenance,
    scores: Scores,
    sampling: dict[str, Any] | None = None,
) -> schema.Report:
    """Return the report.

    Args:
        evaluations: Kind (``perplexity``, …, ``harness/<task>``) -> stage -> result.
        training: Stage -> its metrics.json.
        card: The data card.
        parity: How far the merged model is from adapter and base, if it was merged.
        provenance: Versions, digests, times.
        scores: What people said of panel replies, of these and of others.
        sampling: stats.json of rejection sampling, if SFT learned sampled replies.
    """
    evaluations = _in_order(evaluations)
    measured = {stage for results in evaluations.values() for stage in results} | set(training)
    resampling = Resampling(config.eval.bootstrap_samples, config.seed)
    metrics = all_metrics(evaluations, resampling)
    metrics = corrected([*metrics, *panel_ratings.metrics(evaluations.get("panel", {}), scores, resampling)])
    return schema.Report(
        schema_version=schema.VERSION,
        recipe=config.recipe,
        seed=config.seed,
        held_out=config.held_out,
        model=schema.Base(**config.model.model_dump(include=set(schema.Base.model_fields))),
        method=config.align.method,
        stages=[stage for stage in STAGES if stage in measured],
        headline=headline(metrics),
        gates=gates.judge(config.eval.gates, metrics),
        reading=report_words.READING,
        corrections=corrections(metrics),
        metrics=metrics,
        sampling=_sampling(sampling) if sampling else None,
        training={stage: _training(stage, config, training[stage]) for stage in STAGES if stage in training},
        data=schema.Data(**{key: card[key] for key in schema.Data.model_fields}),
        panel=_panel(evaluations["panel"], scores) if "panel" in evaluations else None,
        form=_form(evaluations["form"]) if "form" in evaluations else None,
        judgement=_judgement(evaluations["judgement"]) if "judgement" in evaluations else None,
        preference=_preference(evaluations["preference"]) if "preference" in evaluations else None,
        safety=report_safety.section(evaluations["safety"], evaluations.get("safety_judged", {}))
        if "safety" in evaluations
        else None,
        perplexity=_perplexity(evaluations["perplexity"]) if "perplexity" in evaluations else None,
        over_length={
            kind: {stage: result["over_length"] for stage, result in results.items()}
            for kind, results in evaluations.items()
            if kind in ("perplexity", "preference")
        },
        merge=parity,
        provenance=provenance,
    )


def headline(metrics: list[schema.Metric]) -> list[schema.Headline]:
    """Return what fine-tuning did to perplexity, what all did to the task, and what alignment did to preference."""
    wanted = {
        "perplexity": _pair_of_first,
        "form": _pair_of_all,
        "judgement": _pair_of_all,
        "preference_accuracy": _pair_of_last,
    }
    chosen = []
    for metric in metrics:
        if metric.name in wanted and metric.comparisons:
            comparison = wanted[metric.name](metric.comparisons)
            chosen.append(
                schema.Headline(
                    metric=metric.name,
                    unit=metric.unit,
                    lower_is_better=metric.lower_is_better,
                    comparison=comparison,
                    text=report_words.sentence(metric.name, comparison),
                )
            )
    return chosen


def _pair_of_first(comparisons: list[schema.Comparison]) -> schema.Comparison:
    return comparisons[0]


def _pair_of_all(comparisons: list[schema.Comparison]) -> schema.Comparison:
    return max(comparisons, key=lambda c: STAGES.index(c.second) - STAGES.index(c.first))


def _pair_of_last(comparisons: list[schema.Comparison]) -> schema.Comparison:
    return comparisons[-1]


def _in_order(evaluations: dict[str, Results]) -> dict[str, Results]:
    kinds = sorted(evaluations, key=lambda kind: (ORDER.index(kind) if kind in ORDER else len(ORDER), kind))
    return {kind: {s: evaluations[kind][s] for s in STAGES if s in evaluations[kind]} for kind in kinds}


def _training(stage: str, config: ReportConfig, metrics: dict) -> schema.Training:
    known = set(schema.Training.model_fields) & set(metrics)
    method = config.align.method if stage == "align" else "sft"
    batch = (config.align if stage == "align" else config.sft).global_batch_size
    usable = exposure.usable_rows(metrics["rows"], metrics["rows_lost"])
    seen = exposure.rows_seen(usable, metrics["steps"], batch)
    return schema.Training(
        method=method,
        rows_seen=seen,
        epochs=round(seen / usable, 3) if usable else 0.0,
        global_batch_size=batch,
        **{key: metrics[key] for key in known},
    )


def _sampling(stats: dict[str, Any]) -> schema.Sampling:
    train = {key: stats[key] for key in schema.SampledSplit.model_fields}
    return schema.Sampling(train=train, **{key: stats[key] for key in ("verifier", "validation_rows", "validation")})


def _panel(results: Results, scores: Scores) -> schema.Panel:
    by_stage = {stage: {s["id"]: s for s in result["samples"]} for stage, result in results.items()}
    last = list(by_stage.values())[-1]
    prompts = [
        schema.PanelPrompt(
            **{key: sample[key] for key in ("id", "theme", "messages", "check") if key in sample},
            replies={stage: _reply(found[name], scores) for stage, found in by_stage.items() if name in found},
        )
        for name, sample in last.items()
    ]
    summary = {
        stage: {key: value for key, value in result.items() if isinstance(value, int | float)}
        for stage, result in results.items()
    }
    failures = {stage: result["failures"] for stage, result in results.items()}
    ratings = panel_ratings.ratings(results, scores)
    return schema.Panel(summary=summary, failures=failures, ratings=ratings, prompts=prompts)


def _reply(sample: dict, scores: Scores) -> schema.Reply:
    measured = {key: sample[key] for key in schema.Reply.model_fields if key in sample}
    return schema.Reply(**measured, **panel_ratings.said_of(sample["reply_id"], scores))


def _perplexity(results: Results) -> schema.Perplexity | None:
    judged = {stage: result for stage, result in results.items() if result["samples"]}
    if not judged:
        return None
    fields = schema.PerplexityFigures.model_fields

    def by(grouping: str) -> dict[str, dict[schema.Stage, schema.PerplexityFigures]]:
        found: dict[str, dict] = {}
        for stage, result in judged.items():
            for name, group in result[grouping].items():
                if group["tokens"]:
                    kept = {key: group[key] for key in fields if key in group}
                    found.setdefault(name, {})[stage] = schema.PerplexityFigures(**kept)
        return found

    longest = next(iter(judged.values()))["settings"]["max_length"]
    return schema.Perplexity(max_length=longest, by_source=by("by_source"), by_lang=by("by_lang"))


def _preference(results: Results) -> schema.Preference | None:
    judged = {stage: result for stage, result in results.items() if result["samples"]}
    if not judged:
        return None
    figures = {stage: {"all": result, **result["groups"]} for stage, result in judged.items()}
    fields = schema.PairFigures.model_fields
    by_name = {
        name: {
            stage: schema.PairFigures(**{key: found[name][key] for key in fields})
            for stage, found in figures.items()
            if name in found
        }
        for name in dict.fromkeys(name for found in figures.values() for name in found)
    }
    return schema.Preference(all=by_name.pop("all"), groups=by_name)


def _judgement(results: Results) -> schema.Judgement | None:
    judged = {stage: result for stage, result in results.items() if result["rows"]}
    if not judged:
        return None
    last = list(judged.values())[-1]
    folders = {}
    for name, found in last["folders"].items():
        by_law: dict[str, dict[str, schema.JudgementFigures]] = {"original": {}, "changed": {}}
        for law, stages in by_law.items():
            for stage, result in judged.items():
                figures = result["folders"].get(name, {}).get(law)
                if figures:
                    stages[stage] = schema.JudgementFigures(judgement=figures["judgement"], rows=figures["rows"])
        folders[name] = schema.JudgementFolder(label=found["label"], **by_law)
    return schema.Judgement(
        scoring=last["settings"]["scoring"],
        faults={stage: result["faults"] for stage, result in judged.items()},
        folders=folders,
    )


def _form(results: Results) -> schema.Form | None:
    judged = {stage: result for stage, result in results.items() if result["rows"]}
    if not judged:
        return None
    stages = {
        stage: schema.FormStage(**{key: result[key] for key in schema.FormStage.model_fields})
        for stage, result in judged.items()
    }
    by_stage = {stage: {s["id"]: s for s in result["samples"]} for stage, result in judged.items()}
    last = list(by_stage.values())[-1]
    # what still goes wrong is what a reader can mend, so failures of the last stage come first
    names = sorted(last, key=lambda name: last[name]["ok"])
    failures = [name for name in names if not last[name]["ok"]][: EXAMPLES // 2]
    successes = [name for name in names if last[name]["ok"]][: EXAMPLES - len(failures)]
    examples = [
        schema.FormExample(
            id=name,
            prompt=last[name]["prompt"],
            replies={
                stage: schema.FormReply(**{key: found[name][key] for key in schema.FormReply.model_fields})
                for stage, found in by_stage.items()
                if name in found
            },
        )
        for name in failures + successes
    ]
    return schema.Form(stages=stages, examples=examples)
