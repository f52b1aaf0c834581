"""Write the merged model as GGUF files, with a Modelfile for Ollama, and measure how far they are from it."""

import argparse
import itertools
import logging
from pathlib import Path

from workflow_scripts.lib import jsonl, logs, model_loading, runtime
from workflow_scripts.lib.chat_template import with_system_prompt
from workflow_scripts.lib.config.export import GgufKind
from workflow_scripts.lib.config.fields import Section, Text, optional
from workflow_scripts.lib.config.models import ChatGeneration
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.export.gguf_file import KINDS, write_gguf
from workflow_scripts.lib.export.gguf_parity import logits_of, parity
from workflow_scripts.lib.export.modelfile import modelfile
from workflow_scripts.lib.export.turns import turns_of

log = logging.getLogger(__name__)
COMPARED_DIALOGUES = 8  # as for the merged model
FAITHFUL = 0.9  # of positions; four bits of a base that was in those four bits already gave 0.3: the adapter was gone


class GgufConfig(Section):
    gguf: optional(list[GgufKind])
    generation: ChatGeneration
    system_prompt: optional(Text)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, help="JSON: gguf, generation, system_prompt")
    parser.add_argument("--model", type=Path, required=True, help="folder of the merged model")
    parser.add_argument("--rows", type=Path, required=True, help="JSON Lines of dialogues to compare on")
    parser.add_argument("--output", type=Path, required=True, help="folder of the files model-<kind>.gguf")
    parser.add_argument("--modelfile", type=Path, required=True, help="Ollama's, for the first kind")
    parser.add_argument("--parity", type=Path, required=True, help="JSON of the comparison")
    args = parser.parse_args(argv)
    logs.start()
    logging.getLogger("gguf").setLevel(logging.WARNING)
    runtime.use_threads()
    config = GgufConfig.model_validate_json(args.config)
    if not config.gguf:
        raise UserError("no file is asked for", "export.gguf", f"name some of {', '.join(KINDS)}, as in [q8_0]")
    rows = itertools.islice(jsonl.read_rows(args.rows), COMPARED_DIALOGUES)
    dialogues = [with_system_prompt(row["messages"], config.system_prompt) for row in rows]
    whole = logits_of(args.model, dialogues)
    found = {}
    for kind in config.gguf:
        file = args.output / f"model-{kind}.gguf"
        write_gguf(args.model, kind, file)
        found[kind] = parity(whole, logits_of(args.model, dialogues, file))
        share = found[kind]["same_top_token"]
        log.log(
            logging.INFO if share >= FAITHFUL else logging.WARNING,
            "%s: the same most likely token at %.1f%% of positions%s",
            file.name,
            100 * share,
            "" if share >= FAITHFUL else ". What was trained may be lost in rounding: take a kind with more bits",
        )
    jsonl.write_json(args.parity, {"dialogues": len(dialogues), "kinds": found})
    tokenizer = model_loading.load_tokenizer(args.model)
    puts_first = tokenizer("", add_special_tokens=True)["input_ids"][:1] == [tokenizer.bos_token_id]
    with jsonl.atomic_writer(args.modelfile) as stream:
        stream.write(
            modelfile(
                f"model-{config.gguf[0]}.gguf",
                turns_of(tokenizer),
                tokenizer.bos_token if puts_first else None,
                tokenizer.eos_token,
                config.generation,
                config.system_prompt,
            )
        )


if __name__ == "__main__":
    main()
