"""Judge sampled replies, and make of the right ones what SFT learns from."""

import argparse
import logging
from pathlib import Path

from workflow_scripts.lib import jsonl, logs
from workflow_scripts.lib.config.fields import Section
from workflow_scripts.lib.config.sampling import Judging
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.sampling.judging import STEP, judge, with_gold
from workflow_scripts.lib.verifiers import registry

log = logging.getLogger(__name__)


class Verifying(Section):
    sampling: Judging


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Verifying.model_validate_json, required=True)
    parser.add_argument("--train", type=Path, required=True, help="JSON Lines of dialogues")
    parser.add_argument("--validation", type=Path, required=True, help="JSON Lines of dialogues")
    parser.add_argument("--replies", type=Path, required=True, help="to both, one line a row")
    parser.add_argument("--sampled", type=Path, required=True, help="right replies to train, in the task's columns")
    parser.add_argument("--stats", type=Path, required=True)
    parser.add_argument("--learned", type=Path, required=True, help="right replies to train, as dialogues with weights")
    parser.add_argument("--validated", type=Path, required=True, help="the same of validation")
    parser.add_argument("--pairs", type=Path, required=True, help="right against wrong replies to train")
    parser.add_argument("--drops", type=Path, required=True, help="ledger of rows without a right reply")
    args = parser.parse_args(argv)
    logs.start()

    judging = args.config.sampling
    verifier, options = registry.select(judging.verifier, judging.verifier_options, "sampling")
    replies = jsonl.read_rows(args.replies)  # to train, then to validation
    train, validation = (
        judge(
            jsonl.read_rows(path),
            replies,
            with_gold(verifier.verify, options),
            verifier.columns,
            with_pairs=judging.pairs,
        )
        for path in (args.train, args.validation)
    )
    train.check("train")
    validation.check("validation")
    figures = train.figures()
    log.info("%d of %d replies are right, to %d of %d prompts", *_told(figures))
    if not train.learned:
        raise UserError(
            f"none of {figures['replies']} replies is right ({_list(figures['verdicts'])})",
            "sampling",
            "raise num_samples or max_new_tokens, choose a base model that knows the task, or correct the verifier",
        )
    learns_own = not validation.learned
    if learns_own:
        log.warning("no reply to a validation prompt is right: the rows' own replies serve for validation")
    jsonl.write_rows(args.sampled, train.sampled)
    jsonl.write_rows(args.learned, train.learned)
    jsonl.write_rows(args.validated, jsonl.read_rows(args.validation) if learns_own else validation.learned)
    jsonl.write_rows(args.pairs, train.pairs)
    drops = train.drops if learns_own else [*train.drops, *validation.drops]
    jsonl.write_rows(args.drops, (drop.line(STEP) for drop in drops))
    told = {"verifier": judging.verifier, "validation_rows": "own" if learns_own else "sampled"}
    jsonl.write_json(args.stats, figures | told | {"validation": validation.figures()})


def _told(figures: dict) -> tuple[int, ...]:
    with_any = figures["samples"] - figures["cases_without_any"]
    return figures["accepted"], figures["replies"], with_any, figures["samples"]


def _list(verdicts: dict[str, int]) -> str:
    return ", ".join(f"{why} {count}" for why, count in sorted(verdicts.items(), key=lambda found: -found[1]))


if __name__ == "__main__":
    main()
