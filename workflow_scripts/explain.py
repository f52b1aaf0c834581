"""Tell where a result comes from: data, config, code, versions and commands, back to what was fetched."""

import argparse
import logging
import sys
from pathlib import Path

from workflow_scripts.lib import logs
from workflow_scripts.lib.provenance import records
from workflow_scripts.lib.provenance.chain import chain
from workflow_scripts.lib.provenance.crate import write_crate
from workflow_scripts.lib.provenance.explanation import explanation

log = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="folder of the results")
    parser.add_argument("--file", type=Path, required=True, help="a file of them")
    parser.add_argument("--crate", type=Path, help="folder for the same as an RO-Crate")
    args = parser.parse_args(argv)
    links = chain(args.file, records.read_all(args.results / "provenance"))
    sys.stdout.write(explanation(args.file, links, args.results / "config.yaml"))
    if args.crate:
        log.info("%s: the same for machines", write_crate(args.crate, args.file, links))


if __name__ == "__main__":
    main()
