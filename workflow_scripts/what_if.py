"""Tell what other rules of cleaning, mixing or splitting would do to the data as they are; writes nothing."""

import argparse
import logging
import sys
import tempfile
from pathlib import Path

import polars as pl
import yaml

from workflow_scripts import link_rows, mix_sources, split_groups
from workflow_scripts.lib import jsonl, logs
from workflow_scripts.lib.cleaning import what_if, what_if_page
from workflow_scripts.lib.cleaning.blocklists import own_blocklists, read_blocklist
from workflow_scripts.lib.cleaning.bounds import Bounds
from workflow_scripts.lib.cleaning.measures import measure
from workflow_scripts.lib.cleaning.token_counts import TokenLimits, counter
from workflow_scripts.lib.cleaning.verdicts import measured_rows
from workflow_scripts.lib.config import what_if_settings
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.provenance import records
from workflow_scripts.lib.provenance.replay import arguments_of, file_of, left_out, record_of
from workflow_scripts.lib.workflow import Plan

REPOSITORY = Path(__file__).resolve().parents[1]


def main(argv: list[str] | None = None) -> None:
    logs.start()
    logging.getLogger().setLevel(logging.WARNING)  # the steps that are tried say what they do
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="folder of the results")
    parser.add_argument("--samples", type=int, required=True, help="rows shown of those that go or come")
    parser.add_argument("settings", nargs="+", metavar="KEY=VALUE", help="such as clean.max_repetition=0.5")
    args = parser.parse_args(argv)

    both = what_if_settings.load(REPOSITORY, args.results, args.settings)
    now, then = (Plan(settings, REPOSITORY) for settings in both)
    what_if_settings.check_sources(now.sources, then.sources)
    done = records.read_all(args.results / "provenance")
    compared = {}
    for name in then.sources:
        compared[name] = _compare(name, now, then, done)
        rows = file_of(record_of(done, f"clean_rows source={name}"), "rows")
        found = (compared[name].going, compared[name].coming)
        samples = [what_if.sample(rows, part, args.samples) for part in found]
        sys.stdout.write("\n".join(what_if_page.source_lines(name, compared[name], *samples)) + "\n\n")
    for name in sorted(now.sources.keys() - then.sources.keys()):
        sys.stdout.write(f"{name}: not even loaded\n\n")
    for use in then.uses:
        for line in _training_data(use, now, then, compared, done, args.samples):
            sys.stdout.write(f"{use}: {line}\n")


def _compare(name: str, now: Plan, then: Plan, done: list[records.Record]) -> what_if.Comparison:
    cleaning, counting = record_of(done, f"clean_rows source={name}"), record_of(done, f"count_tokens source={name}")
    rows, tokens = file_of(cleaning, "rows"), file_of(cleaning, "tokens")
    bounds = [Bounds.model_validate_json(plan.bounds(name)) for plan in (now, then)]
    columns = then_columns = measured_rows(file_of(cleaning, "measures"), tokens)
    if now.measuring(name) != then.measuring(name):
        then_columns = _measured_anew(name, then, rows, tokens)
    limits = TokenLimits.model_validate_json(then.token_limits(name))
    then_columns = what_if.with_tokens(then_columns, rows, limits, counter(file_of(counting, "tokenizer")))
    return what_if.compare(columns, then_columns, *bounds)


def _measured_anew(name: str, plan: Plan, rows: Path, tokens: Path) -> pl.LazyFrame:
    config = yaml.safe_load(plan.measuring(name))
    files = zip(config["blocklists"], plan.blocklists(name), strict=True)
    blocklists = own_blocklists() + [read_blocklist(each, Path(path)) for each, path in files]
    measures = pl.concat(measure(rows, config["repetition_ngram"], blocklists)).with_row_index("row")
    return pl.concat([measures, pl.read_parquet(tokens)], how="horizontal").lazy()


def _training_data(
    use: str, now: Plan, then: Plan, compared: dict[str, what_if.Comparison], done: list[records.Record], samples: int
) -> list[str]:
    """Say what else mixing would drop, and if the split files would be others, by doing it in a folder thrown away."""
    mixing, splitting = record_of(done, f"mix_sources use={use}"), record_of(done, f"split_groups use={use}")
    changed = [name for name in then.of_use(use) if compared[name].changes]
    split = then.section(split="split")
    plans_agree = (now.mixing(use), now.linking(), now.linked_sources, now.section(split="split")) == (
        then.mixing(use),
        then.linking(),
        then.linked_sources,
        split,
    )
    if not changed and plans_agree:
        return ["no change; nothing would be trained or evaluated again"]
    if any(compared[name].num_rewritten for name in changed):
        return ["texts would change; what is trained on these data would be trained again"]
    with tempfile.TemporaryDirectory() as folder:
        instead = {path: Path(folder) / Path(path).name for path in (*mixing.outputs, *splitting.outputs)}
        for name in changed:
            cleaning = record_of(done, f"clean_rows source={name}")
            instead[str(file_of(cleaning, "kept"))] = kept = Path(folder) / "clean" / f"{name}.jsonl"
            what_if.write_kept(file_of(cleaning, "rows"), compared[name].dropped, kept)
        instead[str(file_of(splitting, "store"))] = Path(folder) / "store"
        gone = now.sources.keys() - then.sources.keys()
        if now.linking() != then.linking() or gone:
            linking = record_of(done, "link_rows")
            instead |= {path: Path(folder) / "linked" / Path(path).name for path in linking.outputs}
            instead |= left_out(linking, gone) | left_out(mixing, gone)
            link_rows.main(arguments_of(linking, then.linking(), instead))
        try:
            mix_sources.main(arguments_of(mixing, then.mixing(use), instead))
            split_groups.main(arguments_of(splitting, split, instead))
        except UserError as error:
            return [f"a run would stop: {error.what}"]
        summaries, drops, manifests = (
            (path, instead[str(path)])
            for path in (file_of(mixing, "summary"), file_of(mixing, "drops"), file_of(splitting, "manifest"))
        )
        lines = what_if_page.mix_lines(*map(jsonl.read_json, summaries))
        lines += what_if_page.drop_lines(*map(jsonl.read_rows, drops), samples)
        return [*lines, what_if_page.splits_line(*map(jsonl.read_json, manifests))]


if __name__ == "__main__":
    main()
