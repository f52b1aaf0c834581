"""Check that no prompt stands in two splits of any use, and count replies that do."""

import argparse
import logging
from pathlib import Path

from workflow_scripts.lib import logs
from workflow_scripts.lib.config.fields import Section
from workflow_scripts.lib.jsonl import write_json
from workflow_scripts.lib.splitting.buckets import SPLITS
from workflow_scripts.lib.splitting.leaks import check_leaks, count_leaks

log = logging.getLogger(__name__)


class Nothing(Section):
    """This step has no settings."""


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Nothing.model_validate_json, required=True)
    for name in SPLITS:
        parser.add_argument(f"--{name}", type=Path, nargs="+", required=True, help="one file a use")
    parser.add_argument("--leaks", type=Path, required=True)
    args = parser.parse_args(argv)

    leaks = count_leaks({name: getattr(args, name) for name in SPLITS})
    check_leaks(leaks)
    write_json(args.leaks, leaks)
    prompts, replies = leaks["prompts"], leaks["replies"]
    log.info("%d prompts, each in one split; %d replies in two", prompts["distinct"], replies["in_two_splits"])


if __name__ == "__main__":
    main()
