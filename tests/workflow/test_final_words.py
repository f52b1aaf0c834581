"""What stands at the end of a run that failed."""

from pathlib import Path

import pytest

from workflow_scripts.lib import final_words

ENGINE = """\
Error in rule train_sft:
    jobid: 26
    log: results/logs/train_sft.log, {slurm} (check log file(s) for error details)
"""
LAST = (
    "Mend what it says and give the same command again: finished steps stay, training goes on from its last "
    "checkpoint.\n"
)


@pytest.mark.parametrize(
    ("step_log", "slurm_log", "shown"),
    [
        (
            "step 1\nno such column\n",
            "step 1\nno such column\nsrun: error: n7: task 0: Exited with exit code 1\nShutting down\n",
            "\nThe last lines of results/logs/train_sft.log:\n  | step 1\n  | no such column\n\n"
            "\nSlurm, in {slurm}:\n  | srun: error: n7: task 0: Exited with exit code 1\n\n",
        ),
        (
            None,  # ended before it began
            "slurmstepd: error: *** JOB 5 ON n7 CANCELLED DUE TO TIME LIMIT ***\n",
            "\nSlurm, in {slurm}:\n  | slurmstepd: error: *** JOB 5 ON n7 CANCELLED DUE TO TIME LIMIT ***\n\n",
        ),
        (None, "rule train_sft:\n", ""),
        (
            "loaded\n",
            "    log: results/logs/clean_rows/a.log (check log file(s) for error details)\n",
            "\nThe last lines of results/logs/train_sft.log:\n  | loaded\n\n"
            "\nThe last lines of results/logs/clean_rows/a.log:\n  | of another job of the group\n\n",
        ),
    ],
    ids=["the step says why", "Slurm says why", "nobody does", "Slurm's log names another"],
)
def test_a_failed_job_of_a_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step_log: str | None, slurm_log: str, shown: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("results/logs/clean_rows").mkdir(parents=True)
    Path("results/logs/clean_rows/a.log").write_text("of another job of the group\n", encoding="utf-8")
    if step_log:
        Path("results/logs/train_sft.log").write_text(step_log, encoding="utf-8")
    slurm, engine = tmp_path / "5.log", tmp_path / "engine.log"
    slurm.write_text(slurm_log, encoding="utf-8")
    engine.write_text(ENGINE.format(slurm=slurm), encoding="utf-8")
    text = final_words.failure([engine], Path("results/logs"))
    assert text == (shown.format(slurm=slurm) + LAST if shown else "")
