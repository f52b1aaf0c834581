"""People's scores of the panel: figures of each stage and pair of stages, and how far raters agree."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import combinations
from statistics import fmean

from workflow_scripts.lib.evaluation import statistics
from workflow_scripts.lib.evaluation.agreement import Agreement, Level, agreement
from workflow_scripts.lib.evaluation.failure_types import FAILURES
from workflow_scripts.lib.evaluation.panel_scores import CRITERIA, PanelScore, Scores
from workflow_scripts.lib.reporting import report_schema as schema
from workflow_scripts.lib.reporting import report_words
from workflow_scripts.lib.reporting.report_metrics import Resampling, Results, compared, stage_value

OVERALL = "overall"  # the mean of all criteria, where a rater gave all
Judgements = dict[tuple[str, str], float]  # (prompt, rater) -> points
Sums = dict[str, list[float]]  # prompt -> sums over its raters


def metrics(panels: Results, scores: Scores, resampling: Resampling) -> list[schema.Metric]:
    """Return the mean points of each criterion, and their differences; none where nobody judged.

    Stages are compared prompt by prompt and rater by rater: only what one rater said of both counts, so that a mild
    rater who saw one stage only shifts nothing. Prompts are resampled with all their raters, who are not independent.
    """
    found = []
    for criterion in (OVERALL, *CRITERIA):
        stages = {stage: _judgements(panel, scores, criterion) for stage, panel in panels.items()}
        judged = {stage: points for stage, points in stages.items() if points}
        if judged:
            name = "panel_score" if criterion == OVERALL else f"panel_score_{criterion}"
            found.append(_metric(name, judged, resampling))
    return found


def _judgements(panel: dict, scores: Scores, criterion: str) -> Judgements:
    found = {}
    for sample in panel["samples"]:
        for score in scores.get(sample["reply_id"], {}).values():
            points = _points(score, criterion)
            if points is not None:
                found[sample["id"], score.rater] = points
    return found


def _points(score: PanelScore, criterion: str) -> float | None:
    if criterion != OVERALL:
        return score.scores.get(criterion)
    return fmean(score.scores.values()) if len(score.scores) == len(CRITERIA) else None


def _metric(name: str, stages: dict[str, Judgements], resampling: Resampling) -> schema.Metric:
    values = {}
    for stage, points in stages.items():
        sums = _sums(points)
        mean, error = statistics.ratio_and_error(*_columns(sums))
        values[stage] = stage_value(mean, error, len(sums))
    return schema.Metric(
        name=name,
        kind="panel",
        unit="points",
        lower_is_better=False,
        stages=values,
        comparisons=list(_comparisons(stages, resampling)),
    )


def _comparisons(stages: dict[str, Judgements], resampling: Resampling) -> Iterator[schema.Comparison]:
    for first, second in combinations(stages, 2):
        common = [key for key in stages[first] if key in stages[second]]
        if not common:
            continue
        sums = [_columns(_sums({key: stages[stage][key] for key in common})) for stage in (first, second)]
        (before, counts), (after, _) = sums
        found = statistics.bootstrap_ratio_difference(before, after, counts, resampling.samples, resampling.seed)
        means = tuple(round(sum(column) / sum(counts), 6) for column in (before, after))
        rises = [later - earlier for earlier, later in zip(before, after, strict=True)]
        # McNemar's test of who was better is the sign test; without it two prompts would prove something
        p_value = statistics.mcnemar([rise < 0 for rise in rises], [rise > 0 for rise in rises])
        p_value = float(f"{p_value:.3g}")
        yield compared(
            (first, second), means, found, len(counts), p_value, lower_is_better=False, test=report_words.SIGN_TEST
        )


def _sums(points: Judgements) -> Sums:
    """Return each prompt's sum of points and number of raters."""
    found: Sums = defaultdict(lambda: [0.0, 0])
    for (prompt, _), value in points.items():
        found[prompt][0] += value
        found[prompt][1] += 1
    return found


def _columns(sums: Sums) -> tuple[list[float], list[float]]:
    return [total for total, _ in sums.values()], [count for _, count in sums.values()]


def ratings(panels: Results, scores: Scores) -> schema.PanelRatings | None:
    """Return who judged how much, what they found, and how far they agree; None if nobody judged these replies."""
    guessed = {sample["reply_id"]: sample["failure"] for panel in panels.values() for sample in panel["samples"]}
    own = [score for reply_id in guessed for score in scores.get(reply_id, {}).values()]
    if not own:
        return None
    found = {criterion: _agreement(own, criterion) for criterion in (*CRITERIA, "failure")}
    named = [score for score in own if score.failure]
    return schema.PanelRatings(
        raters=len({score.rater for score in own}),
        replies=len({score.reply_id for score in own}),
        of=len(guessed),
        judgements=len(own),
        of_other_replies=sum(map(len, scores.values())) - len(own),
        agreement={criterion: _rounded(value) for criterion, value in found.items() if value},
        failures={stage: _failures(panel, scores) for stage, panel in panels.items()},
        guessed_alike=round(fmean(score.failure == guessed[score.reply_id] for score in named), 6) if named else None,
    )


def _agreement(scores: list[PanelScore], criterion: str) -> Agreement | None:
    by_reply: dict[str, dict[str, int]] = defaultdict(dict)
    level: Level = "nominal" if criterion == "failure" else "ordinal"
    for score in scores:
        if criterion != "failure" and criterion in score.scores:
            by_reply[score.reply_id][score.rater] = score.scores[criterion]
        if criterion == "failure" and score.failure:
            by_reply[score.reply_id][score.rater] = FAILURES.index(score.failure)
    return agreement(by_reply.values(), level)


def _rounded(found: Agreement) -> schema.RaterAgreement:
    def three(value: float | None) -> float | None:
        return None if value is None else round(value, 3)

    return schema.RaterAgreement(
        replies=found.items, alpha=three(found.alpha), same=three(found.same), within_one=three(found.within_one)
    )


def _failures(panel: dict, scores: Scores) -> dict[str, int]:
    counts = Counter(
        score.failure
        for sample in panel["samples"]
        for score in scores.get(sample["reply_id"], {}).values()
        if score.failure
    )
    return {name: counts[name] for name in FAILURES if counts[name]}


def said_of(reply_id: str, scores: Scores) -> dict[str, object]:
    """Return the mean points of a reply and what raters wrote of it; nothing where nobody did."""
    found = list(scores.get(reply_id, {}).values())
    means = {
        criterion: round(fmean(points), 3)
        for criterion in CRITERIA
        if (points := [score.scores[criterion] for score in found if criterion in score.scores])
    }
    comments = [score.comment for score in found if score.comment.strip()]
    return ({"scores": means} if means else {}) | ({"comments": comments} if comments else {})
