"""The graph of jobs of one variant, and with it that of every variant that answers the rules' questions alike."""

import dataclasses
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow_scripts.lib import jsonl
from workflow_scripts.lib.provenance import records
from workflow_scripts.lib.provenance.records import Record
from workflow_scripts.lib.provenance.seen import SeenFiles
from workflow_scripts.lib.sweeps.questions import Answers, Question, canonical

VARIABLE = "TUIQIAO_GRAPH"  # names the file that a dry run writes its graph to


@dataclass(frozen=True)
class Job:
    """A job: what its config is the answer to, the digest of its code, the files it reads, and those it makes.

    ``is_kept``: whether the store keeps what it makes.
    """

    rule: str
    wildcards: dict[str, str]
    config: Question
    code: str
    inputs: list[str]
    outputs: list[str]
    is_kept: bool


@dataclass(frozen=True)
class Graph:
    """Jobs, those above others first, and the answers that they follow from."""

    answers: Answers
    jobs: list[Job]

    def fits(self, plan: Any) -> bool:
        """Return whether these are the jobs of another plan as well."""
        return all(canonical(question.ask(plan)) == answer for question, answer in self.answers)


@dataclass(frozen=True)
class Step:
    """A job of one variant.

    Attributes:
        id: Digest of all that its outputs follow from, as far as it is known before any runs: two variants that have
            a step with one id share what it makes.
        rule: Name of its rule.
        config: What it sees of the config, as text.
        code: Digest of its code.
        inputs: Its files, relative to the variant's folder.
        outputs: Its files.
        above: Ids of the steps that make its inputs.
        is_kept: Whether variants take it from each other; else each runs it (in a second).
    """

    id: str
    rule: str
    config: str
    code: str
    inputs: list[str]
    outputs: list[str]
    above: list[str]
    is_kept: bool

    def record(self, folder: Path, seen: SeenFiles) -> Record | None:
        """Return its record if its outputs stand in a variant's folder and config, code and raw files are the same."""
        record = records.read(folder / records.record_path(self.outputs))
        if record is None or record.code != self.code or record.config != json.loads(self.config):
            return None
        raw = [path for path in self.inputs if path in record.inputs and not path.startswith("results/")]
        same = all(seen.is_same(os.path.normpath(folder / path), record.inputs[path]) for path in raw)
        return record if same and self._is_there(folder) else None

    def is_shared(self, folder: Path) -> bool:
        """Return whether its outputs are there in the cache that all folders share, where receipts vouch for them.

        Objects are no step but where the store has others than the receipt knows.
        """
        return self.rule != "acquire_objects" and not self.outputs[0].startswith("results/") and self._is_there(folder)

    def _is_there(self, folder: Path) -> bool:
        return all((folder / path).is_file() for path in self.outputs)


def steps(graph: Graph, plan: Any) -> list[Step]:
    """Return the steps of a plan that the graph fits, those above others first."""
    made_by: dict[str, str] = {}
    found = []
    for job in graph.jobs:
        config = job.config.ask(plan)
        above = {path: made_by.get(path, "") for path in job.inputs}
        text = json.dumps([job.rule, job.wildcards, config, job.code, above], sort_keys=True)
        step_id = hashlib.sha256(text.encode()).hexdigest()[:16]
        made_by |= dict.fromkeys(job.outputs, step_id)
        ids = sorted({each for each in above.values() if each})
        # Receipts stand in the cache of downloads, which all share.
        is_kept = job.is_kept or not job.outputs[0].startswith("results/")
        found.append(Step(step_id, job.rule, config, job.code, job.inputs, job.outputs, ids, is_kept))
    return found


def made(found: list[Step], folder: Path, seen: SeenFiles) -> set[str]:
    """Return the ids of the steps of a variant whose outputs are those that they would make now.

    A step counts where all above it count, and made what it has read.
    """
    done: set[str] = set()
    digests: set[str] = set()
    for step in found:
        record = step.record(folder, seen) if done.issuperset(step.above) else None
        read = [digest for path, digest in record.inputs.items() if path.startswith("results/")] if record else []
        if record and digests.issuperset(read):
            done.add(step.id)
            digests |= set(record.outputs.values())
        elif step.is_shared(folder):
            done.add(step.id)
    return done


def write(path: Path, graph: Graph) -> None:
    jsonl.write_json(path, dataclasses.asdict(graph))


def read(path: Path) -> Graph:
    found = jsonl.read_json(path)
    jobs = [Job(**job | {"config": Question(**job["config"])}) for job in found["jobs"]]
    return Graph([(Question(**question), answer) for question, answer in found["answers"]], jobs)
