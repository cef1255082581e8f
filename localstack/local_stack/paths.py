"""Where things are."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
LOCAL = REPO / ".local"
SOURCES = REPO / "localstack"
TEMPLATE = REPO / "template.yaml"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", REPO / "target")).resolve()
REPORTS = REPO / "target" / "reports"
VENV = LOCAL / "venv"
SHOP = LOCAL / "shop"
STACKS = LOCAL / "stacks"

FUNCTIONS = ("normalize", "pimcore-sync", "medusa-push", "dlq-redrive", "pimcore-notices")
PIM = "pim"
RELAY = "relay"


def venv_bin(name: str) -> Path:
    """A program of the virtual environment."""
    return VENV / "bin" / name


def in_venv() -> bool:
    """Whether this process already runs in the project's virtual environment."""
    return Path(sys.prefix).resolve() == VENV.resolve()


@dataclass(frozen=True)
class Place:
    """The folder of one stack."""

    name: str

    @property
    def dir(self) -> Path:
        return STACKS / self.name

    @property
    def state(self) -> Path:
        return self.dir / "stack.json"

    @property
    def logs(self) -> Path:
        return self.dir / "logs"

    @property
    def build(self) -> Path:
        return self.dir / "build"

    @property
    def emulator(self) -> Path:
        return self.dir / "emulator"

    @property
    def pim_db(self) -> Path:
        return self.dir / "pim.sqlite"

    @property
    def pim_key(self) -> Path:
        return self.dir / "pim-api-key"

    @property
    def notices_secret(self) -> Path:
        return self.dir / "notices-secret"

    @property
    def cfn(self) -> str:
        """The name of the CloudFormation stack."""
        return "catalog-relay" if self.name == "demo" else f"catalog-relay-{self.name}"
