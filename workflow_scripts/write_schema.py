"""Write the JSON schemas of the config and of report.json."""

import argparse
from pathlib import Path

from workflow_scripts.lib import jsonl
from workflow_scripts.lib.config import schema
from workflow_scripts.lib.reporting import report_schema

DEFAULTS = Path(__file__).resolve().parents[1] / "config" / "config.yaml"


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schema", type=Path, required=True, help="of the config")
    parser.add_argument("--report-schema", type=Path, required=True, help="of report.json")
    args = parser.parse_args(argv)
    jsonl.write_json(args.schema, schema.build(DEFAULTS))
    jsonl.write_json(args.report_schema, report_schema.published())


if __name__ == "__main__":
    main()
