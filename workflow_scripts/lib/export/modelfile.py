"""The Modelfile by which Ollama takes a GGUF file up: its template, system prompt and settings."""

from workflow_scripts.lib.config.models import ChatGeneration
from workflow_scripts.lib.export.turns import Turns

_LOOP = (
    "{{{{ if .System }}}}{before}{{{{ .System }}}}{after}{{{{ else }}}}{opening}{{{{ end }}}}"
    '{{{{ range .Messages }}}}{{{{ if eq .Role "user" }}}}{user}{{{{ .Content }}}}{close}'
    '{{{{ else if eq .Role "assistant" }}}}{{{{ .Content }}}}{assistant}{{{{ end }}}}{{{{ end }}}}'
)


def modelfile(
    file: str, turns: Turns, first: str | None, end: str, generation: ChatGeneration, system_prompt: str | None
) -> str:
    """Return the text.

    Args:
        file: Name of the GGUF file beside it.
        turns: The chat template in pieces.
        first: The token that the tokenizer itself puts before every text, None if none: Ollama adds it again.
        end: The token that ends a turn.
        generation: How replies are written.
        system_prompt: The one that was trained with.
    """
    opening, (before, after) = turns.opening, turns.system
    if first is not None:
        opening, before = opening.removeprefix(first), before.removeprefix(first)
    template = _LOOP.format(
        before=before,
        after=after,
        opening=opening,
        user=turns.user[0],
        close=turns.user[1],
        assistant=turns.assistant,
    )
    lines = [
        f"FROM ./{file}",
        f'TEMPLATE """{template}"""',
        f'PARAMETER stop "{end}"',
        f"PARAMETER temperature {generation.temperature if generation.do_sample else 0}",
        f"PARAMETER top_p {generation.top_p if generation.do_sample else 1}",
        f"PARAMETER repeat_penalty {generation.repetition_penalty}",
        f"PARAMETER num_predict {generation.max_new_tokens}",
    ]
    if system_prompt:
        lines.append(f'SYSTEM """{system_prompt}"""')
    return "\n".join(lines) + "\n"
