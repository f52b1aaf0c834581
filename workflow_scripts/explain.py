"""Tell where a result comes from: data, config, code, versions and commands, back to what was fetched."""

import argparse
import contextlib
import logging
import os
import sys
from pathlib import Path

from workflow_scripts.lib import logs
from workflow_scripts.lib.provenance import records
from workflow_scripts.lib.provenance.chain import chain
from workflow_scripts.lib.provenance.crate import CRATE, write_crate
from workflow_scripts.lib.provenance.explanation import explanation

log = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="folder of the results")
    parser.add_argument("--file", type=Path, required=True, help="a file of them")
    parser.add_argument("--crate", type=Path, help="folder for the same as an RO-Crate")
    args = parser.parse_args(argv)
    folder, whole, crate = args.results.parent, args.file.absolute(), args.crate and args.crate.absolute()
    with contextlib.chdir(folder if folder.is_dir() else "."):  # files have the names that they had in the run
        file = Path(os.path.relpath(whole))
        links = chain(file, records.read_all(Path(args.results.name, "provenance")))
        sys.stdout.write(explanation(file, links, str(folder)))
        if crate:
            write_crate(crate, file, links)
            log.info("%s: the same for machines", args.crate / CRATE)


if __name__ == "__main__":
    main()
