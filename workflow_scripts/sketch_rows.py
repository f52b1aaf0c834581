"""Sketch the standard rows of one source: what finding near-duplicates and splitting by group must know of them."""

import argparse
import logging
from pathlib import Path

from workflow_scripts.lib import logs
from workflow_scripts.lib.dedup.sketches import Sketching, schema, sketch
from workflow_scripts.lib.jsonl import read_rows
from workflow_scripts.lib.tables import atomic_parquet, joined

log = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Sketching.model_validate_json, required=True)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--parts", type=Path, nargs="*", required=True, help="made of its shards, in order, if any")
    parser.add_argument("--sketches", type=Path, required=True)
    args = parser.parse_args(argv)

    num_rows = 0
    with atomic_parquet(args.sketches, schema(args.config.num_perm)) as writer:
        for batch in joined(args.parts) if args.parts else sketch(read_rows(args.rows), args.config):
            writer.write(batch)
            num_rows += batch.num_rows
    log.info("%s: %d rows sketched", args.rows.stem, num_rows)


if __name__ == "__main__":
    main()
