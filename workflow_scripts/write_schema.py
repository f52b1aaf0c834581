"""Write the JSON schema of the config."""

import argparse
from pathlib import Path

from workflow_scripts.lib import jsonl
from workflow_scripts.lib.config import schema

DEFAULTS = Path(__file__).resolve().parents[1] / "config" / "config.yaml"


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schema", type=Path, required=True)
    args = parser.parse_args(argv)
    jsonl.write_json(args.schema, schema.build(DEFAULTS))


if __name__ == "__main__":
    main()
