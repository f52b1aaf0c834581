"""Tell where a result comes from: data, config, code, versions and commands, back to what was fetched."""

import argparse
import sys
from pathlib import Path

from workflow_scripts.lib import logs
from workflow_scripts.lib.provenance import records
from workflow_scripts.lib.provenance.chain import chain
from workflow_scripts.lib.provenance.explanation import explanation


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="folder of the results")
    parser.add_argument("--file", type=Path, required=True, help="a file of them")
    args = parser.parse_args(argv)
    links = chain(args.file, records.read_all(args.results / "provenance"))
    sys.stdout.write(explanation(args.file, links, args.results / "config.yaml"))


if __name__ == "__main__":
    main()
