"""Write the report, as JSON and as a page, from what the other steps wrote."""

import argparse
import hashlib
import importlib.metadata
import logging
import platform
from pathlib import Path

from workflow_scripts.lib import jsonl, logs
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.evaluation.panel_scores import read_scores
from workflow_scripts.lib.reporting import html_page, report
from workflow_scripts.lib.reporting.report_schema import Provenance, Report

log = logging.getLogger(__name__)
PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate", "lm-eval", "datasets", "tokenizers", "snakemake")


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--config",
        required=True,
        help="JSON: recipe, hardware, seed, held_out, model, sft, align, eval, panel_scores",
    )
    parser.add_argument("--card", type=Path, required=True, help="the data card's JSON")
    parser.add_argument("--folder", type=Path, required=True, help="of the evaluations: <stage>/<kind>.json below it")
    parser.add_argument("--evaluations", type=Path, nargs="+", required=True, help="files below that folder")
    parser.add_argument("--metrics", type=Path, nargs="+", required=True, help="<stage>/metrics.json of training")
    parser.add_argument("--timing", type=Path, nargs="+", required=True, help="<stage>/timing.json of training")
    parser.add_argument("--merge-parity", type=Path, required=True, help="how the merged model compares")
    parser.add_argument("--panel-scores", type=Path, nargs="*", required=True, help="people's scores, if there are any")
    parser.add_argument("--sampling", type=Path, nargs="*", required=True, help="stats.json, if replies were sampled")
    parser.add_argument("--report-json", type=Path, required=True)
    parser.add_argument("--report-html", type=Path, required=True)
    args = parser.parse_args(argv)
    logs.start()
    config = report.ReportConfig.model_validate_json(args.config)

    files = {path.relative_to(args.folder).with_suffix("").as_posix(): path for path in args.evaluations}
    evaluations: dict[str, dict[str, dict]] = {}
    for name, path in files.items():
        stage, kind = name.split("/", 1)
        evaluations.setdefault(kind, {})[stage] = jsonl.read_json(path)
    scores = {reply_id: given for path in args.panel_scores for reply_id, given in read_scores(path).items()}
    metrics, timing = ({path.parent.name: path for path in given} for given in (args.metrics, args.timing))
    files |= {f"{stage}/metrics": path for stage, path in metrics.items()} | {"card": args.card}
    files |= {path.stem: path for path in args.panel_scores} | {f"sampling/{path.stem}": path for path in args.sampling}
    provenance = Provenance(
        hardware=config.hardware,
        versions={"python": platform.python_version(), **versions()},
        inputs={name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in sorted(files.items())},
        timing={stage: jsonl.read_json(path) for stage, path in timing.items()},
    )
    built = report.build(
        config,
        evaluations,
        {stage: jsonl.read_json(path) for stage, path in metrics.items()},
        jsonl.read_json(args.card),
        jsonl.read_json(args.merge_parity),
        provenance,
        scores,
        next((jsonl.read_json(path) for path in args.sampling), None),
    )
    written = built.as_json()
    Report.model_validate(written)  # what is written, not only what it was made from, is of the published shape
    jsonl.write_json(args.report_json, written)
    with jsonl.atomic_writer(args.report_html) as stream:
        stream.write(html_page.page(built))
    for entry in built.headline:
        log.info("%s", entry.text["en"])
    for gate in built.gates:
        log.log(
            logging.WARNING if gate.status == "failed" else logging.INFO, "gate %s: %s", gate.status, gate.text["en"]
        )


def versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            raise UserError(
                f"package {package} is not installed", "envs/requirements.txt", "run `make setup`"
            ) from None
    return found


if __name__ == "__main__":
    main()
