"""Write one local task of lm-evaluation-harness from the test split."""

import argparse
from pathlib import Path

import yaml

from workflow_scripts.lib import jsonl, logs
from workflow_scripts.lib.config.fields import Section, Whole
from workflow_scripts.lib.evaluation.tasks import registry


class Config(Section):
    seed: Whole


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, help="JSON: seed")
    parser.add_argument("--task", required=True, choices=sorted(registry.MODULES))
    parser.add_argument("--rows", type=Path, required=True, help="test split of the dialogues")
    parser.add_argument("--task-yaml", type=Path, required=True, help="the task's definition")
    parser.add_argument("--task-rows", type=Path, required=True, help="the task's documents")
    args = parser.parse_args(argv)
    logs.start()
    config = Config.model_validate_json(args.config)
    task = registry.load(args.task)

    jsonl.write_rows(args.task_rows, task.build_rows(jsonl.read_rows(args.rows), config.seed))
    with jsonl.atomic_writer(args.task_yaml) as stream:
        yaml.safe_dump(task.definition(str(args.task_rows)), stream, allow_unicode=True, sort_keys=False)


if __name__ == "__main__":
    main()
