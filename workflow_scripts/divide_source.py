"""Divide the raw files of one source into shards of about the same size."""

import argparse
import dataclasses
import logging
from pathlib import Path

from workflow_scripts.lib import logs
from workflow_scripts.lib.adapters import registry
from workflow_scripts.lib.config.fields import Encoding, Section, Text, optional
from workflow_scripts.lib.jsonl import write_json
from workflow_scripts.lib.readers.pieces import divided
from workflow_scripts.lib.sources.receipts import is_receipt, verified_files

log = logging.getLogger(__name__)


class Dividing(Section):
    adapter: Text
    encoding: optional(Encoding)


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Dividing.model_validate_json, required=True)
    parser.add_argument("--source", required=True, help="name of the source")
    parser.add_argument("--raw", type=Path, nargs="+", required=True, help="raw files, or the receipt of fetched ones")
    parser.add_argument("--count", type=int, required=True, help="number of shards")
    parser.add_argument("--plan", type=Path, required=True, help="which bytes of which file are in which shard")
    args = parser.parse_args(argv)

    files = verified_files(args.raw[0]) if is_receipt(args.raw) else args.raw
    is_divisible = registry.is_row_by_row(args.config.adapter, args.source)
    shards = divided(files, args.count if is_divisible else 1, args.config.encoding)
    shards += [[] for _ in range(args.count - len(shards))]
    write_json(args.plan, {"shards": [[dataclasses.asdict(piece) for piece in shard] for shard in shards]})
    if not is_divisible:
        log.info("%s: adapter %s looks at all records, one shard has them", args.source, args.config.adapter)
    log.info("%s: %d of %d shards have records", args.source, sum(map(bool, shards)), args.count)


if __name__ == "__main__":
    main()
