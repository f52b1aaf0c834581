import atexit
import dataclasses
import json
import os
import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

sys.path.insert(0, workflow.basedir)

from workflow_scripts.lib import devices, engine, environment, final_words, jsonl, planning, staleness
from workflow_scripts.lib.config import layers
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.provenance import records, sharing
from workflow_scripts.lib.provenance.seen import SeenFiles
from workflow_scripts.lib.provenance.sizes import parse_size
from workflow_scripts.lib.provenance.store import Store
from workflow_scripts.lib.splitting import store as splitting
from workflow_scripts.lib.sweeps import graph
from workflow_scripts.lib.sweeps.questions import Watched
from workflow_scripts.lib.workflow import Plan

try:
    SETTINGS = layers.load(
        Path(workflow.basedir),
        list(workflow.config_settings.configfiles),
        dict(workflow.config_settings.config),
    )
    PLAN = Plan(SETTINGS, Path(workflow.basedir))
except UserError as error:
    raise WorkflowError(f"config: {error}") from None
if graph.VARIABLE in os.environ:
    PLAN = Watched(PLAN)

# How it runs reaches the jobs through the environment, where it makes nothing stale. Setting a prefix replaces
# Snakemake's own, hence strict mode is switched on again. Snakemake formats the prefix, hence the doubled braces.
EXECUTION = shlex.quote(json.dumps(PLAN.untracked()))
NUM_CARDS = workflow.global_resources.get("gpu").value or 1  # of --resources: so many steps at a time
TURNS = devices.of_a_run(NUM_CARDS, Path("results/devices")) if workflow.is_main_process else {}
TURNS = " ".join(f"{name}={shlex.quote(value)}" for name, value in TURNS.items())
shell.prefix(
    "set -euo pipefail; "
    # A batch system's warning before the time limit reaches every process of a job. The trainer takes it for the word
    # to save, so bash waits for it, and the log is written on to its end.
    "trap : TERM; tee() {{ trap '' TERM INT; command tee \"$@\"; }}; "
    f"export PYTHONPATH={shlex.quote(workflow.basedir)} HF_HUB_DISABLE_TELEMETRY=1 TOKENIZERS_PARALLELISM=false "
    # Threads that spin for long while they wait make a step four times slower as soon as anything else uses a core;
    # this long costs nothing then, and spares a seventh of a step when nothing else does (benchmarks.md).
    "GOMP_SPINCOUNT=30000 "
    # glibc gives large blocks back to the system again and again; keeping them spares a tenth of the time.
    "MALLOC_MMAP_THRESHOLD_=1000000000 MALLOC_TRIM_THRESHOLD_=8000000000; "
    f"export TUIQIAO_EXECUTION={EXECUTION.replace('{', '{{').replace('}', '}}')} "
    f"{TURNS.replace('{', '{{').replace('}', '}}')}; "
)

environment.prefer_own_programs()


# On a cluster these stay where the workflow was started: compute nodes may have no network, and the others take a second.
localrules:
    all,
    acquire,
    write_config,
    write_model_card,


RECEIPT = f"{PLAN.relative(Path(workflow.basedir) / 'data_cache')}/{{key}}/receipt.json"
THREADS = os.cpu_count() if PLAN.config.execution.threads == "auto" else PLAN.config.execution.threads
ALL_THREADS = max(1, THREADS // max(1, NUM_CARDS))  # of the cores, a step on one card gets its share
ALL_CARDS = PLAN.config.execution.num_processes  # of steps that all processes work at


def section(**parts):
    """Return a params function giving these config sections as one canonical JSON string.

    One string keeps names and values together (Snakemake compares params as an unnamed set) and sorted keys keep a
    reordered YAML file from outdating anything.
    """
    return lambda wildcards: PLAN.section(**parts)


CODE = {}  # digest -> what it stands for


def code_digest(script, *selected):
    """Return the digest of the code that a rule runs."""
    code = staleness.code_of(script, *selected)
    CODE[code.digest] = code
    return code.digest


# How shards come about is part of what a source's rows follow from, whether it has any or not.
SHARDING = ("workflow_scripts.divide_source", "workflow_scripts.standardize_shard")


def repository(path):
    """Return a file of the repository relative to the working directory."""
    return PLAN.relative(Path(workflow.basedir) / path)


def split_of(*uses, split):
    """Return an input function giving the content-addressed files of one split of these uses.

    The data stages end in a checkpoint, and what follows reads files named by their content: when cleaning or mixing
    run again and the bytes come out the same, the inputs of training and evaluation are the same files as before and
    nothing after the split runs. docs/architecture.md tells more.
    """

    def files(wildcards):
        found = []
        for use in uses:
            with checkpoints.split_groups.get(use=use).output.manifest.open() as manifest:
                found.append(f"results/store/{json.load(manifest)[split]['file']}")
        return found

    return files


def known(*uses):
    """Return an input function that adds no file but makes a rule wait until these splits are known.

    Without it a rule below a trained model keeps the reason "input updated by another job" from the plan made before
    the data were known, and runs although the model did not change.
    """

    def nothing(wildcards):
        split_of(*uses, split="train")(wildcards)
        return []

    return nothing


def learned_by_sft(split):
    """Return what SFT takes for a split: the right ones of sampled replies to it, or the split as it is."""
    sampled = {"train": "results/sampling/learned.jsonl", "val": "results/sampling/validated.jsonl"}
    return sampled[split] if PLAN.samples else split_of("sft", split=split)


def adapter_of(wildcards):
    """Return the adapter of a stage: none for the base."""
    return [] if wildcards.stage == "base" else [f"results/models/{wildcards.stage}/adapter_model.safetensors"]


def hold_folder():
    """Refuse to run twice in one folder; the locks go with the process, however that ends."""
    global _FOLDER_LOCK, STORE_LOCK
    try:
        _FOLDER_LOCK = final_words.hold(Path("results"))
    except UserError as error:
        raise WorkflowError(str(error)) from None
    STORE_LOCK = sharing.take_part(STORE)
    for digest, code in CODE.items():
        if not (records.CODE_FOLDER / f"{digest}.json").exists():
            jsonl.write_json(records.CODE_FOLDER / f"{digest}.json", dataclasses.asdict(code))


def check_environment():
    """Refuse to begin what would end at SFT, for want of its environment."""
    wanted = PLAN.config.sft.backend == "unsloth" and PLAN.config.execution.unsloth_python is None
    if wanted and not workflow.deployment_settings.deployment_method:
        raise WorkflowError(str(environment.no_unsloth("and none is named")))


STORE = Path("results/store")
SEEN = SeenFiles(records.FOLDER / "files.seen")
WORKING_FOLDER = os.getcwd()
TOLD = []  # whether the plan was told


def tell_plan():
    """Say which steps run and why, and what of the rest cannot be vouched for."""
    TOLD.append(True)
    found = engine.steps(workflow, CODE)
    lines = planning.plan(found, [entry.record for entry in Store(STORE).entries([])])
    if lines:
        sys.stderr.write(f"\n{planning.table(lines)}\n\n")
    sys.stderr.write(final_words.doubts(planning.doubts(found, SEEN)))
    if records.FOLDER.exists():
        SEEN.save()


def tell_plan_without_run():
    """Say the same after a dry run or where nothing is to be done: the engine calls no hook then."""
    if engine.has_plan(workflow) and not TOLD:
        os.chdir(WORKING_FOLDER)  # the engine has left it by then
        tell_plan()


def note_made():
    """Spare the next run reading what this one made."""
    for job in workflow.dag.finished_jobs:
        if job.output and (record := records.read(records.record_path([str(path) for path in job.output]))):
            SEEN.note(record.inputs | record.outputs)
    SEEN.save()


def tell_result():
    note_made()
    if sharing.is_alone(STORE_LOCK):
        max_bytes = parse_size(PLAN.config.execution.store.max_size)
        Store(STORE).prune(max_bytes, sharing.current_records(STORE), sharing.splits_in_use(STORE))
    sys.stderr.write(final_words.result(Path("results/eval/report.json")))


def tell_failure(logs):
    sys.stderr.write(final_words.failure([Path(log) for log in logs], Path("results/logs")))


def write_graph():
    """Leave the graph for whoever plans a sweep."""
    if engine.has_plan(workflow):
        os.chdir(WORKING_FOLDER)  # the engine has left it by then
        graph.write(Path(os.environ[graph.VARIABLE]), engine.graph(workflow, PLAN))


if workflow.is_main_process:
    splitting.mend(Path("results/data"), STORE.resolve())
    engine.run_again_what_the_engine_overlooks(SEEN)
    engine.overlook_shards()
    atexit.register(write_graph if graph.VARIABLE in os.environ else tell_plan_without_run)


MODEL_CARDS = expand("results/models/{folder}/README.md", folder=[*PLAN.trained_stages, "merged"])


wildcard_constraints:
    source="|".join(PLAN.source_names),
    use="sft|preference",
    stage="base|sft|align",
    folder="sft|align|merged",
    key="".join(f"(?!{key})" for key in PLAN.object_keys()) + "[0-9a-f]{16}",  # objects have a rule of their own
    shards="[0-9]+",
    shard="[0-9]+",
