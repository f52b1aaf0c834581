"""Fine-tune a LoRA adapter on dialogues."""

import argparse
import json
from pathlib import Path

from workflow_scripts.lib import logs
from workflow_scripts.lib.training.backends import registry


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

    backend = registry.load(json.loads(args.config)["sft"]["backend"])
    from workflow_scripts.lib.training.fine_tuning import fine_tune  # imports what unsloth has to come before

    fine_tune(
        backend,
        args.config,
        args.code,
        train=args.train,
        validation=args.validation,
        base=args.base,
        checkpoints_folder=args.checkpoints,
        tracking=args.tracking,
        output=args.output,
    )


if __name__ == "__main__":
    main()
