"""A conversation of lines: what is said, what is a command, and what is kept of it."""

from collections.abc import Callable, Iterable
from pathlib import Path

from workflow_scripts.lib import jsonl
from workflow_scripts.lib.apps.history import left_out
from workflow_scripts.lib.apps.speaker import Speaker
from workflow_scripts.lib.chat_template import Messages, with_system_prompt
from workflow_scripts.lib.errors import UserError

HELP = """\
exit, quit, Ctrl-D   leave
Ctrl-C               stop the reply; what was said of it stays in the conversation
/reset               begin anew
/save [FILE]         add the conversation to a file of dialogues, as adapter `messages` reads them
/help                this list"""


class Chat:
    """One conversation at a time with one model.

    Args:
        speaker: Who answers.
        stage: Its name, for what is saved.
        say: Takes the pieces of a reply, and a line break after it.
        note: Takes what is said about the conversation, a line at a time.
        saves: File that ``/save`` adds to.
    """

    def __init__(
        self, speaker: Speaker, stage: str, say: Callable[[str], None], note: Callable[[str], None], saves: Path
    ) -> None:
        self.speaker, self.stage, self.say, self.note, self.saves = speaker, stage, say, note, saves
        self.messages: Messages = []

    def run(self, lines: Iterable[str]) -> None:
        """Answer line after line, until there is none or one says to leave."""
        for line in lines:
            text = line.strip()
            if text in ("exit", "quit", "/exit", "/quit"):
                return
            command, *rest = text.split(maxsplit=1)[:2] or [""]
            if command in ("/reset", "/save", "/help"):
                getattr(self, f"_{command[1:]}")("".join(rest))
            elif command.startswith("/") and command[1:].isascii() and command[1:].isalpha():
                self.note(f"no command {command}; /help lists them")
            elif text:
                self.answer(text)

    def answer(self, text: str) -> bool:
        """Ask the model, tell its reply piece by piece, and remember both; return whether it could be asked."""
        asked = [*self.messages, {"role": "user", "content": text}]
        try:
            shown = self.speaker.fitted(asked)
        except UserError as error:
            self.note(str(error))
            return False
        if missing := left_out(asked, shown):
            turns = "turn is" if missing == 1 else f"{missing} turns are"
            self.note(f"the conversation is longer than the model can hold: its first {turns} left out")
        said: list[str] = []

        def tell(piece: str) -> None:
            said.append(piece)
            self.say(piece)

        try:
            reply = self.speaker.reply(shown, tell)
        except KeyboardInterrupt:
            self.say("\n")
            self.note("stopped")
            reply_text = "".join(said)
        else:
            self.say("\n")
            reply_text = reply.text
            if not reply.stopped:
                self.note(f"cut off after {reply.tokens} tokens")
        self.messages = [*asked, {"role": "assistant", "content": reply_text}]
        return True

    def _reset(self, _: str) -> None:
        self.messages = []
        self.note("a new conversation")

    def _save(self, name: str) -> None:
        path = Path(name).expanduser() if name else self.saves
        if not self.messages:
            self.note("nothing was said yet")
            return
        dialogue = {"stage": self.stage, "messages": with_system_prompt(self.messages, self.speaker.system_prompt)}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8", newline="\n") as stream:
                stream.write(jsonl.dumps(dialogue) + "\n")
        except OSError as error:
            self.note(f"not saved: {path}: {error.strerror}")
        else:
            self.note(f"saved: {path}")

    def _help(self, _: str) -> None:
        self.note(HELP)
