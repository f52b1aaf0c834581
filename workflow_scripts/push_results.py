"""Show what of a run would go to an object store, or send it."""

import argparse
import sys
from pathlib import Path

from workflow_scripts.lib import jsonl, logs
from workflow_scripts.lib.export import pushing
from workflow_scripts.lib.reporting.licences import VERDICTS


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="folder of the results")
    parser.add_argument("--to", required=True, help="s3://<bucket>/<folder> of the store of AWS_ENDPOINT_URL")
    parser.add_argument("--parts", nargs="*", required=True, help=f"some of {', '.join(pushing.PARTS)}; none: all")
    parser.add_argument("--upload", action="store_true", help="do it; otherwise it is only shown")
    args = parser.parse_args(argv)

    plan = pushing.plan(args.results, args.parts, args.to)
    lines = plan.lines(args.results)
    card = args.results / "data" / "card.json"
    if card.exists():
        licences = jsonl.read_json(card)["licences"]
        lines += [VERDICTS[licences["publishable"]]["en"]]
        lines += [f"  {reason['source']}: {reason['en']}" for reason in licences["reasons"]]
    sys.stdout.write("\n".join(lines) + "\n")
    if not args.upload:
        sys.stdout.write("nothing was sent; UPLOAD=yes does it\n")
        return
    for number, file in enumerate(plan.unsent, 1):
        pushing.upload(file, plan.bucket)
        sys.stdout.write(f"sent {number} of {len(plan.unsent)}: {file.key}\n")
        sys.stdout.flush()
    sys.stdout.write(f"all of it is at {plan.address}\n")


if __name__ == "__main__":
    main()
