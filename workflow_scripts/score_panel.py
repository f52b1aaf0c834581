"""Let people score the panel's replies, blind, in a web page of this machine."""

import argparse
import logging
from contextlib import suppress
from pathlib import Path

from workflow_scripts.lib import logs
from workflow_scripts.lib.apps.scoring_server import ScoringServer

log = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="of the evaluations: <stage>/panel.json below it")
    parser.add_argument("--scores", type=Path, required=True, help="JSON Lines to add to")
    parser.add_argument("--port", type=int, required=True, help="of the loopback address; 0: any that is free")
    args = parser.parse_args(argv)
    logs.start()
    with ScoringServer(args.port, args.folder, args.scores) as server:
        log.info("open %s in a browser of this machine; Ctrl-C ends it; scores go to %s", server.url, args.scores)
        with suppress(KeyboardInterrupt):
            server.serve_forever()


if __name__ == "__main__":
    main()
