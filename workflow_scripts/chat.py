"""Talk with the model of a stage: in the terminal, or line by line from standard input."""

import argparse
import sys
from pathlib import Path

import torch
from transformers.utils.logging import disable_progress_bar

from workflow_scripts.lib import logs, runtime
from workflow_scripts.lib.apps import stages, terminal
from workflow_scripts.lib.apps.chat import Chat
from workflow_scripts.lib.apps.guard import Guard
from workflow_scripts.lib.apps.speaker import Speaker
from workflow_scripts.lib.config import finished, layers
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.evaluation.stage import load_stage

REPOSITORY = Path(__file__).resolve().parents[1]
EXAMPLE = "write KEY=VALUE, such as generation.temperature=0.5"


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="folder of the results")
    parser.add_argument("--stage", required=True, help=f"whom to talk with: {', '.join(stages.STAGES)}")
    parser.add_argument("--saves", type=Path, required=True, help="JSON Lines that /save adds to")
    parser.add_argument("--prompt", help="ask only this and leave; `-` takes all of standard input")
    parser.add_argument("--system", help="system prompt instead of model.system_prompt; empty: none")
    parser.add_argument("settings", nargs="*", metavar="KEY=VALUE", help="such as generation.temperature=0.5")
    args = parser.parse_args(argv)
    logs.start()
    disable_progress_bar()
    runtime.use_threads()
    base, adapter = stages.folders_of(args.results, args.stage)
    prompt = sys.stdin.read() if args.prompt == "-" else args.prompt
    if prompt is not None and not prompt.strip():
        raise UserError("nothing is asked", "PROMPT", "write the question, or leave PROMPT out for a conversation")
    given = finished.given_layer(args.settings, "make chat", EXAMPLE)
    config = layers.merge([*finished.layers_of(REPOSITORY, args.results), given]).config
    system_prompt = config.model.system_prompt if args.system is None else args.system or None
    torch.manual_seed(config.seed)
    model, tokenizer = load_stage(base, adapter, config.model)
    guard = Guard(config.eval.safety.blocklists, REPOSITORY)
    speaker = Speaker(model, tokenizer, config.generation, system_prompt, guard)
    chat = Chat(speaker, args.stage, terminal.say, terminal.note, args.saves)
    if prompt is not None:
        if not chat.answer(prompt):
            sys.exit(1)
        return
    if sys.stdin.isatty():
        terminal.note(f"{args.stage}, {speaker.context} tokens of context; exit or Ctrl-D leaves, /help tells more")
    chat.run(terminal.lines())


if __name__ == "__main__":
    main()
