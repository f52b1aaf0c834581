"""What the profiles of clusters say of the rules, and the container of itself."""

from typing import Any

import running
import yaml
from test_rules import inherited_rules, texts_of_rules

PROFILES = running.REPOSITORY / "profiles"


def profile(name: str) -> dict[str, Any]:
    return yaml.safe_load((PROFILES / name / "config.yaml").read_text(encoding="utf-8"))


def test_each_rule_with_a_gpu_has_time_and_memory_of_its_own() -> None:
    resources = profile("slurm")["set-resources"]
    assert resources.keys() == {name for name, text in texts_of_rules().items() if "gpu=" in text}
    assert all({"runtime", "mem_mb"} <= given.keys() for given in resources.values())


def test_only_trainers_are_told_before_their_time_is_over() -> None:
    resources = profile("slurm")["set-resources"]
    assert {name for name, given in resources.items() if "--signal=TERM@" in given.get("slurm_extra", "")} == {
        "train_sft",
        "train_align",
    }


def test_groups_hold_small_steps_only() -> None:
    slurm = profile("slurm")
    assert slurm["groups"].keys() <= texts_of_rules().keys() | inherited_rules()
    assert not slurm["groups"].keys() & slurm["set-resources"].keys()


def test_the_pod_writes_to_its_volume_only() -> None:
    claim, job = yaml.safe_load_all((PROFILES / "kubernetes" / "job.yaml").read_text(encoding="utf-8"))
    (container,) = job["spec"]["template"]["spec"]["containers"]
    volumes = {volume["name"]: volume for volume in job["spec"]["template"]["spec"]["volumes"]}
    assert volumes["data"]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    mounted = {mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] == "data"}
    recipe = (running.REPOSITORY / "Containerfile").read_text(encoding="utf-8")
    assert mounted == {f"/tuiqiao/{name}" for name in ("runs", "data_raw", "data_cache", "human")}
    assert "mkdir -p data_raw data_cache human runs" in recipe and "WORKDIR /tuiqiao\n" in recipe
    ignored = (running.REPOSITORY / ".dockerignore").read_text(encoding="utf-8").split()
    assert {path.removeprefix("/tuiqiao/") for path in mounted} <= set(ignored)  # and are not in the image
    arguments = container["args"]
    assert (running.REPOSITORY / arguments[arguments.index("--profile") + 1] / "config.yaml").exists()


def test_results_are_pushed_from_the_volume_of_the_run() -> None:
    folder = PROFILES / "kubernetes"
    claim, run = yaml.safe_load_all((folder / "job.yaml").read_text(encoding="utf-8"))
    push = yaml.safe_load((folder / "push.yaml").read_text(encoding="utf-8"))
    pods = [job["spec"]["template"]["spec"] for job in (run, push)]
    of_run, of_push = (pod["containers"][0] for pod in pods)
    assert {"name": "data", "persistentVolumeClaim": {"claimName": claim["metadata"]["name"]}} in pods[1]["volumes"]
    assert of_push["image"] == of_run["image"]
    assert of_push["volumeMounts"][0].items() >= {"mountPath": "/tuiqiao/runs", "subPath": "runs"}.items()
    assert of_push["args"][4] == f"{of_run['args'][of_run['args'].index('--directory') + 1]}/results"
    named = [container["envFrom"][0]["secretRef"]["name"] for container in (of_run, of_push)]
    assert named[0] == named[1] == "tuiqiao-store"
    assert "envs/requirements-storage.txt" in (running.REPOSITORY / "Containerfile").read_text(encoding="utf-8")
