"""A Slurm cluster of one node on this machine, without accounting, for as long as a test wants it. Takes root.

Everything of it lies in one folder, and a cluster that this machine may belong to is not touched.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol")
HOST = socket.gethostname().split(".")[0]
# More cores and memory than there may be: what is tried is how jobs are asked for, not how they are packed.
CONF = f"""\
ClusterName=throwaway
SlurmctldHost={HOST}(127.0.0.1)
SlurmctldPort={{ports[0]}}
SlurmdPort={{ports[1]}}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={{folder}}/munge.socket
StateSaveLocation={{folder}}/state
SlurmdSpoolDir={{folder}}/spool
SlurmctldPidFile={{folder}}/slurmctld.pid
SlurmdPidFile={{folder}}/slurmd.pid
ProctrackType=proctrack/pgid
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/none
ReturnToService=2
GresTypes=gpu
NodeName={HOST} NodeAddr=127.0.0.1 CPUs=16 RealMemory=512000 Gres=gpu:a100:1 State=UNKNOWN
PartitionName=gpu Nodes={HOST} Default=YES MaxTime=INFINITE State=UP
"""
GRES = "Name=gpu Type=a100 File=/dev/null\n"  # any device file will do


def missing() -> str:
    """Return why there can be no cluster here; nothing if there can."""
    absent = [name for name in PROGRAMS if not shutil.which(name)]
    if absent:
        return f"{', '.join(absent)} not installed: apt-get install slurm-wlm munge"
    return "" if os.geteuid() == 0 else "the daemons of the cluster take root"


# The executor plugin (jobstep 0.6) runs srun without any variable of Slurm, even the one that names the cluster.
SRUN = """\
#!/bin/sh
SLURM_CONF={conf} exec {srun} "$@"
"""


@contextmanager
def cluster(folder: Path) -> Iterator[dict[str, str]]:
    """Start munged, slurmctld and slurmd and yield the environment variables that lead clients to them."""
    for name in ("state", "spool", "bin"):
        (folder / name).mkdir(parents=True)
    with closing(socket.socket()) as one, closing(socket.socket()) as other:
        for free in (one, other):
            free.bind(("127.0.0.1", 0))
        ports = [free.getsockname()[1] for free in (one, other)]
    conf, key = folder / "slurm.conf", folder / "munge.key"
    conf.write_text(CONF.format(folder=folder, ports=ports), encoding="utf-8")
    (folder / "gres.conf").write_text(GRES, encoding="utf-8")
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    srun = folder / "bin" / "srun"
    srun.write_text(SRUN.format(conf=conf, srun=shutil.which("srun")), encoding="utf-8")
    srun.chmod(0o755)
    munge_files = [f"--{name}-file={folder}/munge.{name}" for name in ("key", "pid", "log", "seed")]
    daemons = [
        ["munged", "--foreground", "--force", f"--socket={folder}/munge.socket", *munge_files],
        ["slurmctld", "-D", "-c", "-f", str(conf)],
        ["slurmd", "-D", "-c", "-f", str(conf), "-N", HOST],
    ]
    environment = {"SLURM_CONF": str(conf), "PATH": os.pathsep.join([str(srun.parent), os.environ["PATH"]])}
    with ExitStack() as running:
        for command in daemons:
            running.enter_context(_daemon(command, folder / f"{command[0]}.log"))
            if command[0] == "munged":
                _wait(lambda: (folder / "munge.socket").exists(), "munged", folder)
        _wait(lambda: _said(environment, "sinfo", "--noheader", "--format=%T") == "idle", "the node", folder)
        running.callback(_said, environment, "scancel", "--user=root")
        yield environment


@contextmanager
def _daemon(command: list[str], log: Path) -> Iterator[None]:
    with log.open("w") as written, subprocess.Popen(command, stdout=written, stderr=written) as daemon:
        try:
            yield
        finally:
            daemon.terminate()
            try:
                daemon.wait(timeout=30)
            except subprocess.TimeoutExpired:
                daemon.kill()


def _said(environment: dict[str, str], *command: str) -> str:
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True).stdout.strip()


def _wait(is_ready, what: str, folder: Path) -> None:
    deadline = time.monotonic() + 60
    while not is_ready():
        if time.monotonic() > deadline:
            logs = "\n".join(path.read_text(errors="replace")[-1500:] for path in sorted(folder.glob("*.log")))
            raise TimeoutError(f"{what} did not come up:\n{logs}")
        time.sleep(0.2)
