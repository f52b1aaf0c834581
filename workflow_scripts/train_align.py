"""Go on training the SFT adapter on preference pairs, with the alignment method of the config."""

import argparse
import json
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import set_seed

from workflow_scripts.lib import jsonl, logs, model_loading, processes
from workflow_scripts.lib.config.training import Align, Model
from workflow_scripts.lib.execution import execution
from workflow_scripts.lib.training import arguments, checkpoints, gates, liger, orders, sharding, trackers
from workflow_scripts.lib.training.collate import PairCollator
from workflow_scripts.lib.training.interleaving import interleaved
from workflow_scripts.lib.training.preference_trainer import PreferenceTrainer, takes_branches, uses_reference
from workflow_scripts.lib.training.reference import add_reference
from workflow_scripts.lib.training.rows import encode_pairs
from workflow_scripts.lib.training.run import ADAPTER_FILES, Stopwatch, ledger_figures, run, save_adapter
from workflow_scripts.lib.training.watching import WatchedReplies


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, help="JSON: seed, model, align, curriculum")
    parser.add_argument("--code", required=True, help="digest of the rule's code, part of the checkpoints' identity")
    parser.add_argument("--train", type=Path, nargs="+", required=True, help="JSON Lines of pairs")
    parser.add_argument("--validation", type=Path, required=True, help="JSON Lines of pairs")
    parser.add_argument("--base", type=Path, required=True, help="folder of the base model")
    parser.add_argument("--adapter", type=Path, required=True, help="folder of the SFT adapter")
    parser.add_argument("--checkpoints", type=Path, required=True, help="folder to resume from")
    parser.add_argument("--tracking", type=Path, required=True, help="folder for what trackers write")
    parser.add_argument("--output", type=Path, required=True, help="folder of the aligned adapter")
    args = parser.parse_args(argv)
    processes.join()
    report_to = trackers.use(execution().get("report_to", []), args.tracking)
    config = json.loads(args.config)
    align, model_config = Align.model_validate(config["align"]), Model.model_validate(config["model"])
    model_config = takes_branches(model_config)
    seed = config["seed"] if align.seed is None else align.seed

    tokenizer = model_loading.load_tokenizer(args.base)
    train = interleaved([list(jsonl.read_rows(path)) for path in args.train])
    (rows, ledger), (held_out, held_out_ledger) = (
        encode_pairs(tokenizer, pairs, align, model_config.system_prompt)
        for pairs in (train, jsonl.read_rows(args.validation))
    )
    ledger.check("align", align.max_lost_ratio)
    held_out_ledger.check_validation("align", wanted=align.evaluations != 0)

    inputs = [*args.train, args.validation, *(args.adapter / name for name in ADAPTER_FILES)]
    run_id = checkpoints.identity(args.config, args.code, inputs, [model_loading.base_digest(args.base)])
    with (
        checkpoints.reserved(args.checkpoints, run_id) as folder,
        gates.out_of_memory_explained("align", align, model_config),
    ):
        set_seed(seed)

        def load(move: bool) -> Any:
            loaded = model_loading.load_model(args.base, model_config, args.adapter, trainable=True, move=move)
            if align.liger_kernel:
                liger.apply(loaded, "align", model_loading.device())
            return loaded

        model = load(move=not sharding.is_wanted())
        collator = PairCollator(tokenizer.pad_token_id)
        if align.max_steps is not None:
            rows = rows[: align.max_steps * align.global_batch_size]  # mixed already: the rest would not be needed
        order = orders.make_order(align, "align", rows, seed, config["curriculum"])
        steps = arguments.num_steps(align, order.rows_per_epoch)
        if uses_reference(align):
            model = sharding.shared_out(model)
            rows, held_out = (add_reference(model, part, collator, align.micro_batch_size) for part in (rows, held_out))
            if sharding.is_wanted():  # what was shared out without an optimizer cannot be given one
                model = load(move=False)
        trainer = PreferenceTrainer(
            model=model,
            align=align,
            args=arguments.align_arguments(
                align,
                model_config,
                folder=folder,
                seed=seed,
                steps=steps,
                execution=execution() | {"report_to": report_to},
            ),
            train_dataset=Dataset.from_list(rows),
            eval_dataset=Dataset.from_list(held_out),
            processing_class=tokenizer,
            data_collator=collator,
            order=order,
            patience=align.early_stopping,
            offloading=align.activation_offloading,
            watch=WatchedReplies(
                tokenizer, jsonl.read_rows(args.validation), align.watched_replies, model_config.system_prompt
            ),
        )
        stopwatch = Stopwatch()
        figures = run(trainer, folder, align.evaluations, align.evaluation_steps)
        metrics = {**ledger_figures(ledger, held_out_ledger, order), **figures}
        weights = sharding.trained_weights(trainer.model)
        if trainer.is_world_process_zero():
            save_adapter(trainer.model, weights, tokenizer, args.output, model_config.base)
            jsonl.write_json(args.output / "metrics.json", metrics)
            jsonl.write_json(args.output / "timing.json", stopwatch.figures(metrics, trainer))


if __name__ == "__main__":
    main()
