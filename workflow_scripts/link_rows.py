"""Find near-duplicates among the rows of all sources, and rows that must share a split."""

import argparse
import logging
from contextlib import ExitStack
from pathlib import Path

from workflow_scripts.lib import logs
from workflow_scripts.lib.dedup.links import LARGE, SCHEMA, Linking, largest_group, link, tables
from workflow_scripts.lib.tables import atomic_parquet

log = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Linking.model_validate_json, required=True)
    parser.add_argument("--sketches", type=Path, nargs="+", required=True, help="<source>.parquet each")
    parser.add_argument("--links", type=Path, nargs="+", required=True, help="<source>.parquet each, in that order")
    args = parser.parse_args(argv)

    cluster, group, is_shared = link(args.sketches, args.config)
    with ExitStack() as stack:
        writers = [stack.enter_context(atomic_parquet(path, SCHEMA)) for path in args.links]
        for number, table in tables(args.sketches, cluster, group, is_shared):
            writers[number].write(table)
    largest = largest_group(group)
    if largest > LARGE * len(group):
        log.warning(
            "%d of %d rows are linked into one group and so in one split: raise clean.near_duplicates.threshold, "
            "or lower max_same_replies, if they are not alike",
            *(largest, len(group)),
        )
    num_near, num_shared = int((cluster >= 0).sum()), int(is_shared.sum())
    log.info("%d rows: %d near-duplicates, %d in a group with rows of another", len(group), num_near, num_shared)


if __name__ == "__main__":
    main()
