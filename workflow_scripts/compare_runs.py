"""Compare the last stages of several runs on one page, by the statistics of the report."""

import argparse
import logging
from pathlib import Path

from workflow_scripts.lib import jsonl, logs
from workflow_scripts.lib.reporting import run_comparison, run_comparison_page, run_files

log = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, nargs="*", required=True, help="folders with a results/ each")
    parser.add_argument("--page", type=Path, required=True, help="HTML to write")
    args = parser.parse_args(argv)
    logs.start()
    names = run_comparison.names_of(args.runs) if args.runs else []
    runs = [run_files.read(name, folder / "results" / "eval") for name, folder in zip(names, args.runs, strict=True)]
    comparison = run_comparison.compare(runs)
    with jsonl.atomic_writer(args.page) as stream:
        stream.write(run_comparison_page.page(comparison))
    log.info("%s: %s", args.page, comparison.corrections.text["en"])


if __name__ == "__main__":
    main()
