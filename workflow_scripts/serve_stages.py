"""Let stages answer the same prompts side by side, in a web page of this machine."""

import argparse
import logging
from contextlib import suppress
from pathlib import Path

from transformers.utils.logging import disable_progress_bar

from workflow_scripts.lib import logs, runtime
from workflow_scripts.lib.apps import stages
from workflow_scripts.lib.apps.guard import Guard
from workflow_scripts.lib.apps.own_panel import OwnPanel
from workflow_scripts.lib.apps.stage_models import StageModels
from workflow_scripts.lib.apps.stage_server import StageServer
from workflow_scripts.lib.config import finished, layers

log = logging.getLogger(__name__)
REPOSITORY = Path(__file__).resolve().parents[1]
EXAMPLE = "write KEY=VALUE, such as generation.temperature=0.5"


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="folder of the results")
    parser.add_argument("--stages", required=True, help=f"any of {', '.join(stages.STAGES)}; empty: all but merged")
    parser.add_argument("--panels", type=Path, required=True, help="folder of panels that prompts are added to")
    parser.add_argument("--port", type=int, required=True, help="of the loopback address; 0: any that is free")
    parser.add_argument("settings", nargs="*", metavar="KEY=VALUE", help="such as generation.temperature=0.5")
    args = parser.parse_args(argv)
    logs.start()
    disable_progress_bar()
    runtime.use_threads()
    names = stages.chosen(args.results, args.stages)
    given = finished.given_layer(args.settings, "make app", EXAMPLE)
    config = layers.merge([*finished.layers_of(REPOSITORY, args.results), given]).config
    panel = OwnPanel(args.panels, REPOSITORY / config.eval.panel.prompts)
    guard = Guard(config.eval.safety.blocklists, REPOSITORY)

    def load() -> StageModels:
        return StageModels(args.results, names, config.model, guard)

    with StageServer(args.port, load, names, config, panel) as server:
        log.info("open %s in a browser of this machine; Ctrl-C ends it; %s answer", server.url, ", ".join(names))
        with suppress(KeyboardInterrupt):
            server.serve_forever()
        server.models.close()


if __name__ == "__main__":
    main()
