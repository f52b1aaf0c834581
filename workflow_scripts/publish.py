"""Show what of a model would be published, or upload it to a hub."""

import argparse
import logging
import sys
from pathlib import Path

from workflow_scripts.lib import jsonl, logs
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.export import publishing
from workflow_scripts.lib.reporting.licences import VERDICTS


def main(argv: list[str] | None = None) -> None:
    logs.start()
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # huggingface_hub 2.4 tells of every request
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="folder of the results")
    parser.add_argument("--stage", required=True, choices=("sft", "align", "merged"), help="which model")
    parser.add_argument("--repo", required=True, help="<owner>/<name> on the hub of HF_ENDPOINT")
    parser.add_argument("--upload", action="store_true", help="do it; otherwise it is only shown")
    parser.add_argument("--public", action="store_true", help="a new repository is public; otherwise private")
    args = parser.parse_args(argv)
    try:
        card = jsonl.read_json(args.results / "data" / "card.json")
    except FileNotFoundError:
        raise UserError("there is no data card", f"{args.results}/data/card.json", "run `make report` first") from None
    plan = publishing.plan(args.results / "models" / args.stage, args.repo, card)
    lines = [*plan.lines(), VERDICTS[card["licences"]["publishable"]]["en"]]
    lines += [f"  {reason['source']}: {reason['en']}" for reason in card["licences"]["reasons"]]
    sys.stdout.write("\n".join(lines) + "\n")
    if args.upload:
        sys.stdout.write(f"published: {publishing.upload(plan, private=not args.public)}\n")
    else:
        sys.stdout.write("nothing was sent; UPLOAD=yes does it, PUBLIC=yes makes a new repository public\n")


if __name__ == "__main__":
    main()
