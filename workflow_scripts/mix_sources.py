"""Mix the clean rows of all sources of one use."""

import argparse
import logging
from pathlib import Path

from workflow_scripts.lib import logs
from workflow_scripts.lib.jsonl import atomic_writer, write_json, write_rows
from workflow_scripts.lib.mixing.candidates import SourceFiles
from workflow_scripts.lib.mixing.mixing import Mixing, mix
from workflow_scripts.lib.mixing.rows import lines
from workflow_scripts.lib.mixing.sums import sums_of

log = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Mixing.model_validate_json, required=True)
    parser.add_argument("--kept", type=Path, nargs="+", required=True, help="clean rows, <source>.jsonl each")
    parser.add_argument("--links", type=Path, nargs="+", required=True, help="<source>.parquet each")
    parser.add_argument("--overlaps", type=Path, nargs="*", required=True, help="with evaluation texts, likewise")
    parser.add_argument("--mixed", type=Path, required=True)
    parser.add_argument("--drops", type=Path, required=True)
    parser.add_argument("--summary", type=Path, required=True)
    args = parser.parse_args(argv)

    links, overlaps = ({path.stem: path for path in paths} for paths in (args.links, args.overlaps))
    files = {path.stem: SourceFiles(path, links[path.stem], overlaps.get(path.stem)) for path in args.kept}
    mixture = mix(files, args.config)
    sums = {name: found.as_json() for name, found in sums_of(mixture).items()}
    with atomic_writer(args.mixed) as mixed:
        for line in lines(mixture.parts, mixture.order):
            mixed.write(line)
    write_rows(args.drops, (drop.line("mix") for drop in mixture.drops))
    write_json(args.summary, mixture.summary | {"sources": sums})
    log.info("%d rows mixed, %d of them Chinese", mixture.summary["rows"], mixture.summary["zh_rows"])


if __name__ == "__main__":
    main()
