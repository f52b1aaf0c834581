"""Write the data card: sources, licences, rules, funnel, distributions, samples."""

import argparse
import logging
from pathlib import Path

from workflow_scripts.lib import logs
from workflow_scripts.lib.jsonl import atomic_writer, read_json, write_json
from workflow_scripts.lib.reporting.card import CardConfig, SourceFiles, UseFiles, build
from workflow_scripts.lib.reporting.card_page import page
from workflow_scripts.lib.splitting.buckets import SPLITS

log = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=CardConfig.model_validate_json, required=True)
    for name, what in (
        ("measures", "<source>.parquet each"),
        ("standard-drops", "<source>.drops.jsonl each"),
        ("clean-drops", "<source>.drops.jsonl each"),
    ):
        parser.add_argument(f"--{name}", type=Path, nargs="+", required=True, help=what)
    for name in ("mix-summaries", "mix-drops", *SPLITS):
        parser.add_argument(f"--{name}", type=Path, nargs="+", required=True, help="<use>/… each")
    parser.add_argument("--leaks", type=Path, required=True)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--markdown", type=Path, required=True)
    args = parser.parse_args(argv)

    standard_drops = {path.name.removesuffix(".drops.jsonl"): path for path in args.standard_drops}
    clean_drops = {path.name.removesuffix(".drops.jsonl"): path for path in args.clean_drops}
    measures = {path.stem: path for path in args.measures}
    sources = {
        name: SourceFiles(measures[name], standard_drops[name], clean_drops[name])
        for name in args.config.sources
        if name in measures
    }
    files = zip(args.mix_summaries, args.mix_drops, args.train, args.val, args.test, strict=True)
    uses = {
        summary.parent.name: UseFiles(summary, drops, dict(zip(SPLITS, splits, strict=True)))
        for summary, drops, *splits in files
    }
    card = build(args.config, sources, uses, read_json(args.leaks))
    write_json(args.json, card)
    with atomic_writer(args.markdown) as stream:
        stream.write(page(card))
    log.info("%s", ", ".join(f"{use}: {sums['rows']} rows" for use, sums in card["uses"].items()))


if __name__ == "__main__":
    main()
