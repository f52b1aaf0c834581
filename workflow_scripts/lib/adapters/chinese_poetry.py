"""Quatrains of chinese-poetry: the first couplet is given, the second one is the answer."""

from collections.abc import Iterable, Iterator

from workflow_scripts.lib.adapters.base import Context, Row, each
from workflow_scripts.lib.adapters.poems import FIELDS, PoemOptions, check_selected, prompt, read_poem
from workflow_scripts.lib.records import Drop, RawRow, message, sft_row

USES = ("sft", "evaluation")
ROW_BY_ROW = True
SHAPES = (FIELDS,)
OPTIONAL = ()


class Options(PoemOptions):
    """``forms``, ``share`` [from, to) of the poems, ``instructions`` with ``{couplet}``."""


def convert(rows: Iterable[RawRow], options: Options, context: Context) -> Iterator[Row | Drop]:
    def row_of(raw: RawRow) -> Row:
        poem = read_poem(raw)
        check_selected(poem, options)
        messages = [prompt(poem, options.instructions, context.seed), message("assistant", poem.couplets[1])]
        meta = {"form": poem.form, "title": poem.title, "author": poem.author}
        return sft_row(raw.id, context.source, messages, group=poem.group, meta=meta)

    return each(rows, row_of)
