"""Let a model judge the replies that the safety evaluation collected, beside the rules."""

import argparse
import logging
from pathlib import Path

from workflow_scripts.lib import jsonl, logs, runtime
from workflow_scripts.lib.config.evaluation import Judge
from workflow_scripts.lib.config.fields import Count, Section
from workflow_scripts.lib.config.training import Model
from workflow_scripts.lib.evaluation.judged_safety import judged
from workflow_scripts.lib.evaluation.model_judge import judge_replies
from workflow_scripts.lib.evaluation.stage import load_stage, model_settings

log = logging.getLogger(__name__)


class JudgeEval(Section):
    batch_size: Count
    judge: Judge


class JudgeConfig(Section):
    model: Model
    eval: JudgeEval


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, help="JSON: model, eval.{batch_size, judge}")
    parser.add_argument("--judge", type=Path, required=True, help="folder of the model that judges")
    parser.add_argument("--safety", type=Path, required=True, help="JSON of the safety evaluation")
    parser.add_argument("--result", type=Path, required=True, help="JSON to write")
    args = parser.parse_args(argv)
    logs.start()
    runtime.use_threads()
    config = JudgeConfig.model_validate_json(args.config)
    samples = jsonl.read_json(args.safety)["samples"]
    model, tokenizer = load_stage(args.judge, None, config.model)
    found = judged(samples, judge_replies(model, tokenizer, samples, config.eval.batch_size))
    settings = {**config.eval.judge.model_dump(), **model_settings(config.model)}
    jsonl.write_json(args.result, {**found, "settings": settings})
    log.info("judged by a model: as the rules say in %.0f %% of %d decided", 100 * found["agreement"], found["decided"])
    if found["undecided"]:
        log.warning("%d of %d replies are left undecided by the model", found["undecided"], len(samples))


if __name__ == "__main__":
    main()
