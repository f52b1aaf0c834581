"""Write the resolved config with the layer that set each value."""

import argparse
import json
from pathlib import Path

from workflow_scripts.lib import logs
from workflow_scripts.lib.config.annotated import annotate
from workflow_scripts.lib.jsonl import atomic_writer


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=json.loads, required=True, help="JSON: values, layers")
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args(argv)
    with atomic_writer(args.output) as stream:
        stream.write(annotate(args.config["values"], args.config["layers"]))


if __name__ == "__main__":
    main()
