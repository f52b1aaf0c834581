"""Run several scripts in one launch: the first flag names a JSON list of [script, its flags].

    accelerate launch … tests/training/launched.py calls.json <number of processes>

Between them, ["remove", [path, …]] deletes, ["stop", [process, step]] makes the next script get a signal there, and
["launcher", path] sets what accelerate launch would set for these settings: to start anew takes ten seconds.
"""

import json
import os
import shutil
import signal
import sys
from pathlib import Path

import torch
from accelerate import PartialState
from accelerate.commands import launch
from accelerate.utils.launch import prepare_deepspeed_cmd_env, prepare_multi_gpu_env

from workflow_scripts import evaluate_perplexity, evaluate_preference, train_align, train_sft
from workflow_scripts.lib import processes
from workflow_scripts.lib.training.exact_trainer import ExactTrainer

SCRIPTS = {"train_sft": train_sft, "train_align": train_align}
SCRIPTS |= {"evaluate_perplexity": evaluate_perplexity, "evaluate_preference": evaluate_preference}


def main() -> None:
    torch.set_num_threads(1)
    training_step = ExactTrainer.training_step
    if processes.join().num_processes != int(sys.argv[2]):
        raise RuntimeError("the launcher started another number of processes")
    for name, given in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        state = PartialState()
        if name == "remove":
            with state.main_process_first():
                for path in given if state.is_main_process else []:
                    shutil.rmtree(path)
        elif name == "launcher":
            _set_environment(given)
        elif name == "stop":
            ExactTrainer.training_step = _with_signal(training_step, *given)
        else:
            try:
                SCRIPTS[name].main(given)
            except SystemExit as end:
                if end.code != 128 + signal.SIGTERM:
                    raise
            ExactTrainer.training_step = training_step
            state.wait_for_everyone()
    PartialState().destroy_process_group()


def _set_environment(launcher):
    args = launch.launch_command_parser().parse_args(["--config_file", launcher, "-m", "script"])
    args, *_ = launch._validate_launch_command(args)
    args.deepspeed_fields_from_accelerate_config = ""  # launch_command would set it
    settings = prepare_deepspeed_cmd_env(args)[1] if args.use_deepspeed else prepare_multi_gpu_env(args)
    for name in ("ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED"):
        os.environ.pop(name, None)
    os.environ.update({name: settings[name] for name in settings if "FSDP" in name or "DEEPSPEED" in name})


def _with_signal(training_step, process, step):
    def stopped(self, *args, **kwargs):
        if self.state.global_step == step and self.accelerator.process_index == process:
            os.kill(os.getpid(), signal.SIGTERM)
        return training_step(self, *args, **kwargs)

    return stopped


if __name__ == "__main__":
    main()
