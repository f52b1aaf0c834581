"""The resolved config as a person reads it: YAML with the layer of each value as a comment."""

from typing import Any

import yaml

HEAD = """\
# The config of these results, and the layer that set each value. How it ran (execution, tracking) is not part of it:
# it changes nothing that comes out.
"""


def annotate(values: dict[str, Any], layers: dict[str, str]) -> str:
    """Return YAML text that loads to ``values``, every leaf followed by ``# <layer>``.

    Args:
        values: Nested config.
        layers: Dotted key to the name of the layer; leaves that no layer set carry no comment.
    """
    return HEAD + "".join(_lines(values, layers, ()))


def _lines(values: dict[str, Any], layers: dict[str, str], above: tuple[str, ...]) -> list[str]:
    lines = []
    for key, value in values.items():
        path = (*above, str(key))
        indent = "  " * len(above)
        if isinstance(value, dict) and value:
            lines.append(f"{indent}{key}:\n")
            lines.extend(_lines(value, layers, path))
            continue
        text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**9, sort_keys=False)
        text = text.removesuffix("\n").removesuffix("\n...")
        layer = layers.get(".".join(path))
        lines.append(f"{indent}{key}: {text}{f'  # {layer}' if layer else ''}\n")
    return lines
