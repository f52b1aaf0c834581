"""Fine-tune a LoRA adapter on dialogues."""

import argparse
import json
from pathlib import Path

from datasets import Dataset
from peft import get_peft_model
from transformers import set_seed

from workflow_scripts.lib import jsonl, logs, model_loading, processes
from workflow_scripts.lib.config.training import Model, Sft
from workflow_scripts.lib.execution import execution
from workflow_scripts.lib.training import arguments, checkpoints, gates, orders, sharding, trackers
from workflow_scripts.lib.training.collate import make_sft_collator
from workflow_scripts.lib.training.rows import encode_sft_rows
from workflow_scripts.lib.training.run import Stopwatch, ledger_figures, run, save_adapter
from workflow_scripts.lib.training.sft_trainer import SftTrainer
from workflow_scripts.lib.training.watching import WatchedReplies


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, help="JSON: seed, model, sft, curriculum")
    parser.add_argument("--code", required=True, help="digest of the rule's code, part of the checkpoints' identity")
    parser.add_argument("--train", type=Path, required=True, help="JSON Lines of dialogues")
    parser.add_argument("--validation", type=Path, required=True, help="JSON Lines of dialogues")
    parser.add_argument("--base", type=Path, required=True, help="folder of the base model")
    parser.add_argument("--checkpoints", type=Path, required=True, help="folder to resume from")
    parser.add_argument("--tracking", type=Path, required=True, help="folder for what trackers write")
    parser.add_argument("--output", type=Path, required=True, help="folder of the adapter")
    args = parser.parse_args(argv)
    processes.join()
    report_to = trackers.use(execution().get("report_to", []), args.tracking)
    config = json.loads(args.config)
    sft, model_config = Sft.model_validate(config["sft"]), Model.model_validate(config["model"])
    seed = config["seed"] if sft.seed is None else sft.seed

    tokenizer = model_loading.load_tokenizer(args.base)
    (rows, ledger), (held_out, held_out_ledger) = (
        encode_sft_rows(tokenizer, jsonl.read_rows(path), sft, model_config.system_prompt)
        for path in (args.train, args.validation)
    )
    ledger.check("sft", sft.max_lost_ratio)
    held_out_ledger.check_validation("sft", wanted=sft.evaluations != 0)

    run_id = checkpoints.identity(
        args.config, args.code, [args.train, args.validation], [model_loading.base_digest(args.base)]
    )
    with (
        checkpoints.reserved(args.checkpoints, run_id) as folder,
        gates.out_of_memory_explained("sft", sft, model_config),
    ):
        set_seed(seed)
        order = orders.make_order(sft, "sft", rows, seed, config["curriculum"])
        base = model_loading.load_model(args.base, model_config, trainable=True, move=not sharding.is_wanted())
        gates.check_targets(base, sft.lora.target_modules)
        trainer = SftTrainer(
            model=get_peft_model(base, arguments.lora_config(sft.lora)),
            args=arguments.sft_arguments(
                sft,
                model_config,
                folder=folder,
                seed=seed,
                steps=arguments.num_steps(sft, order.rows_per_epoch),
                execution=execution() | {"report_to": report_to},
            ),
            train_dataset=Dataset.from_list(rows),
            eval_dataset=Dataset.from_list(held_out),
            processing_class=tokenizer,
            data_collator=make_sft_collator(tokenizer.pad_token_id, sft, model_config),
            order=order,
            patience=sft.early_stopping,
            watch=WatchedReplies(
                tokenizer, jsonl.read_rows(args.validation), sft.watched_replies, model_config.system_prompt
            ),
            bin_tokens=sft.max_length if sft.packing else None,
            neftune_noise_alpha=sft.neftune_noise_alpha,
        )
        stopwatch = Stopwatch()
        figures = run(trainer, folder, sft.evaluations, sft.evaluation_steps)
        metrics = {**ledger_figures(ledger, held_out_ledger, order), **figures}
        weights = sharding.trained_weights(trainer.model)
        if trainer.is_world_process_zero():
            save_adapter(trainer.model, weights, tokenizer, args.output, model_config.base)
            jsonl.write_json(args.output / "metrics.json", metrics)
            jsonl.write_json(args.output / "timing.json", stopwatch.figures(metrics, trainer))


if __name__ == "__main__":
    main()
