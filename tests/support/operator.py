"""A person with nothing but the `relay` command: runs it against the deployed stack, reads its answer, does what it says."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from dataclasses import dataclass
from typing import Any

from local_stack.paths import REPO, TARGET
from local_stack.stack import Stack

# A command within a text. What has a placeholder is none that one could run.
COMMAND = re.compile(r"`relay ([^`<>]+)`")


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    text: str
    code: int

    def names(self, *parts: str) -> None:
        """Demands that the answer contains all of this."""
        missing = [part for part in parts if part not in self.text]
        assert not missing, f"no word of {missing} in:\n{self.text}"

    def commands(self) -> list[str]:
        """The commands that the answer tells to run, in order, each once."""
        return list(dict.fromkeys(COMMAND.findall(self.text)))


@dataclass
class Operator:
    """Somebody at a shell."""

    stack: Stack
    endpoint: str = ""
    """Where AWS answers, if not where the stack says."""

    def run(self, words: str) -> Said:
        """Runs `relay WORDS` on the stack."""
        where = ["--endpoint-url", self.endpoint, "--stack", self.stack.place.cfn] if self.endpoint else [f"--local={self.stack.place.name}"]
        command = [str(TARGET / "debug" / "relay"), *where, *shlex.split(words)]
        # No setting of the shell that the tests run in may help or mislead it.
        env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RELAY_"))}
        done = subprocess.run(command, capture_output=True, text=True, cwd=REPO, env=env, timeout=120, check=False)
        return Said(done.stdout + done.stderr, done.returncode)

    def json(self, words: str) -> Any:
        """The same, as a program reads it."""
        said = self.run(f"--json {words}")
        assert said.code in (0, 1), said.text
        return json.loads(said.text)

    def trace(self, key: str) -> Said:
        return self.run(f"trace {key}")

    def does(self, said: Said, beginning: str) -> Said:
        """Runs the command beginning like this that an answer names."""
        found = [command for command in said.commands() if command.startswith(beginning)]
        assert found, f"no command beginning with {beginning!r} in:\n{said.text}"
        done = self.run(found[0])
        assert done.code in (0, 1), f"relay {found[0]}\n{done.text}"
        return done
