"""The engine's graph as planning sees it: the only place that reaches into Snakemake (9.27)."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from snakemake.dag import DAG
from snakemake.persistence import PersistenceBase

from workflow_scripts.lib.planning import Step, step_name
from workflow_scripts.lib.provenance import records
from workflow_scripts.lib.provenance.seen import SeenFiles
from workflow_scripts.lib.staleness import Code
from workflow_scripts.lib.sweeps.graph import Graph, Job
from workflow_scripts.lib.sweeps.questions import Watched, canonical
from workflow_scripts.lib.workflow import SHARDS


def steps(workflow: Any, code: Mapping[str, Code]) -> list[Step]:
    """Return the jobs of the workflow's graph, those above others first.

    Args:
        workflow: Snakemake's, with its graph built.
        code: Code digest to what it stands for.
    """
    dag = workflow.dag
    needed = set(dag.needrun_jobs(exclude_finished=False))  # a dry run ends with all of them finished
    found = []
    for job in (job for level in dag.toposorted() for job in level if job.output):
        above = [step_name(up.rule.name, up.wildcards_dict) for up in dag.dependencies[job] if up in needed]
        found.append(
            Step(
                rule=job.rule.name,
                wildcards=dict(job.wildcards_dict),
                config=json.loads(job.params.config),
                code=code[job.params.code],
                inputs=[str(path) for path in job.input],
                outputs=[str(path) for path in job.output],
                needed=job in needed,
                above=above,
                told=str(dag.reason(job)),
            )
        )
    return found


def run_again_what_the_engine_overlooks(seen: SeenFiles) -> None:
    """Have every graph run steps that were begun and not finished, or whose raw files or objects were replaced.

    Snakemake 9.27 deletes the outputs of a job that fails, notes its new params and inputs all the same, and in the
    next run says that nothing is to be done, because what follows is older than nothing. Of inputs it only looks at
    those that are newer than the outputs: a backup put back in place of a file, with the time it had, is none.
    """
    check_incomplete = DAG.check_incomplete

    def was_replaced(inputs: list[str], outputs: list[str]) -> bool:
        record = records.read(records.record_path(outputs))
        raw = [path for path in inputs if not path.startswith("results/") and record and path in record.inputs]
        return any(Path(path).is_file() and not seen.is_same(path, record.inputs[path]) for path in raw)

    async def check(dag: DAG) -> None:
        await check_incomplete(dag)
        for job in dag.jobs:
            outputs = [str(path) for path in job.output]
            inputs = [str(path) for path in job.input]
            # This rule is there only for objects that are not those of the receipt, which other folders may have made.
            is_outdated = job.rule.name == "acquire_objects"
            if outputs and (is_outdated or records.was_cut_off(outputs) or was_replaced(inputs, outputs)):
                dag.forcefiles.update(job.output)
        if records.FOLDER.exists():
            seen.save()

    DAG.check_incomplete = check


def overlook_shards() -> None:
    """Have every graph leave the files of shards out where it compares a step's files with those it had before.

    In how many parts the rows were made is how it ran: what comes out has the same bytes.
    """

    def changed(persistence: PersistenceBase, job: Any, file: Any = None) -> bool:
        recorded = persistence.input(file)
        now, before = (
            [path for path in paths or [] if not path.startswith(f"{SHARDS}/")]
            for paths in (persistence._input(job), recorded)
        )
        return recorded is not None and now != before

    PersistenceBase._input_changed = changed


def graph(workflow: Any, plan: Watched) -> Graph:
    """Return the graph, each job with the question that its config is the answer to.

    Args:
        workflow: Snakemake's, with its graph built.
        plan: What its rules asked while they were read and the graph was built.
    """
    jobs = []
    levels = (sorted(level, key=lambda job: (job.rule.name, job.output)) for level in workflow.dag.toposorted())
    for job in (job for level in levels for job in level if job.output):
        with plan.listening() as asked:
            params, _ = job.rule.expand_params(job.wildcards_dict, job.input, job.output, job)
        question = next(question for question, answer in asked if answer == canonical(params.config))
        jobs.append(
            Job(
                rule=job.rule.name,
                wildcards=dict(job.wildcards_dict),
                config=question,
                code=params.code,
                inputs=_read_by(job),
                outputs=[str(path) for path in job.output],
                is_kept=" --store results/store -- " in job.rule.shellcmd,
            )
        )
        plan.note([(other, answer) for other, answer in asked if other != question])
    of_jobs = {job.config for job in jobs}
    return Graph([(question, answer) for question, answer in plan.answers() if question not in of_jobs], jobs)


def _read_by(job: Any) -> list[str]:
    """Return the inputs of a job but those that it only waits for (``known`` in the rules)."""
    named = [(name, [found] if isinstance(found, str) else found) for name, found in job.input._allitems()]
    return list(dict.fromkeys(str(path) for name, paths in named if name != "known" for path in paths))


def has_plan(workflow: Any) -> bool:
    """Return whether this was a run or a dry run, and not a picture of the graph, and came so far as to have one."""
    return workflow.dag is not None and workflow._executor_plugin is not None
