"""Write the data card, as JSON, as a page fit to publish, and its pictures."""

import argparse
import logging
from pathlib import Path

from workflow_scripts.lib import logs
from workflow_scripts.lib.jsonl import atomic_writer, read_json, write_json
from workflow_scripts.lib.reporting.card import CardConfig, SourceFiles, UseFiles, build
from workflow_scripts.lib.reporting.card_page import page
from workflow_scripts.lib.reporting.card_pictures import pictures
from workflow_scripts.lib.splitting.buckets import SPLITS

log = logging.getLogger(__name__)
SOURCE_FILES = {
    "rows": ".jsonl",
    "measures": ".parquet",
    "tokens": ".tokens.parquet",
    "standard_sums": ".json",
    "standard_drops": ".drops.jsonl",
    "clean_sums": ".json",
    "clean_drops": ".drops.jsonl",
}


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=CardConfig.model_validate_json, required=True)
    parser.add_argument("--receipts", type=Path, nargs="*", required=True, help="of fetched sources")
    parser.add_argument("--model", type=Path, required=True, help="config.json of the base model")
    for name, ending in SOURCE_FILES.items():
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, type=Path, nargs="+", required=True, help=f"<source>{ending} each")
    for name in ("mix-summaries", "mix-drops", *SPLITS):
        parser.add_argument(f"--{name}", type=Path, nargs="+", required=True, help="<use>/… each")
    parser.add_argument("--links", type=Path, nargs="*", required=True, help="<source>.parquet each")
    parser.add_argument("--leaks", type=Path, required=True)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--markdown", type=Path, required=True)
    parser.add_argument("--pictures", type=Path, nargs="+", required=True, help="SVG files, by name")
    args = parser.parse_args(argv)

    by_source = {
        name: {path.name.removesuffix(ending): path for path in getattr(args, name)}
        for name, ending in SOURCE_FILES.items()
    }
    links = {path.stem: path for path in args.links}
    sources = {
        source: SourceFiles(**{name: paths[source] for name, paths in by_source.items()}, links=links.get(source))
        for source in args.config.sources
        if source in by_source["measures"]
    }
    files = zip(args.mix_summaries, args.mix_drops, args.train, args.val, args.test, strict=True)
    uses = {
        summary.parent.name: UseFiles(summary, drops, dict(zip(SPLITS, splits, strict=True)))
        for summary, drops, *splits in files
    }
    receipts = {path.parent.name: read_json(path) for path in args.receipts}
    card = build(args.config, sources, uses, receipts, read_json(args.model), read_json(args.leaks)).as_json()
    write_json(args.json, card)
    for path, text in [(args.markdown, page(card)), *((path, pictures(card)[path.stem]) for path in args.pictures)]:
        with atomic_writer(path) as stream:
            stream.write(text)
    for warning in card["warnings"]:
        log.warning("%s", warning["en"])
    log.info("%s", ", ".join(f"{use}: {sums['rows']} rows" for use, sums in card["uses"].items()))


if __name__ == "__main__":
    main()
