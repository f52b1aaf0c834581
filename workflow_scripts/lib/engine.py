"""The engine's graph as planning sees it: the only place that reaches into Snakemake (9.27)."""

import json
from collections.abc import Mapping
from typing import Any

from snakemake.dag import DAG

from workflow_scripts.lib.planning import Step, step_name
from workflow_scripts.lib.provenance import records
from workflow_scripts.lib.staleness import Code


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


def run_again_what_was_cut_off() -> None:
    """Have every graph run the steps that were begun and not finished.

    Snakemake 9.27 deletes the outputs of a job that fails, notes its new params and inputs all the same, and in the
    next run says that nothing is to be done, because what follows is older than nothing.
    """
    check_incomplete = DAG.check_incomplete

    async def check(dag: DAG) -> None:
        await check_incomplete(dag)
        for job in dag.jobs:
            if job.output and records.was_cut_off([str(path) for path in job.output]):
                dag.forcefiles.update(job.output)

    DAG.check_incomplete = check


def has_lost_metadata(workflow: Any) -> bool:
    """Return whether the engine has no notes of how some existing output was made."""
    return any(not workflow.persistence.has_metadata(job) for job in workflow.dag.jobs if job.output)


def has_plan(workflow: Any) -> bool:
    """Return whether this was a run or a dry run, and not a picture of the graph, and came so far as to have one."""
    return workflow.dag is not None and workflow._executor_plugin is not None
