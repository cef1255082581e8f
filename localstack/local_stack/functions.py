"""The functions' binaries, laid out as SAM packages them, and the template that points at them.

On AWS `sam build` does this, with optimisation and for arm64; here the quick profile of this machine's own processor is used.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
from typing import Any

from local_stack.install import digest
from local_stack.paths import FUNCTIONS, REPO, TARGET, TEMPLATE, Place


def architecture() -> str:
    """This machine's processor, as the template names it."""
    return "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"


def stage(place: Place, values: dict[str, str]) -> str:
    """Lays out binaries and template. Returns a hash that changes when any of them does."""
    for name in FUNCTIONS:
        built, staged = TARGET / "debug" / name, place.build / name / "bootstrap"
        if staged.exists() and staged.stat().st_mtime >= built.stat().st_mtime:
            continue
        staged.parent.mkdir(parents=True, exist_ok=True)
        fresh = staged.with_suffix(".new")
        shutil.copy2(built, fresh)
        # Symbols are most of a debug binary, and packaging them most of a deployment's time.
        if shutil.which("strip"):
            subprocess.run(["strip", str(fresh)], check=False, capture_output=True)
        fresh.chmod(0o755)
        fresh.touch()
        fresh.replace(staged)
    (place.build / "template.yaml").write_text(_template(values))
    state_machines = sorted((REPO / "statemachines").iterdir())
    return digest(place.build / "template.yaml", *state_machines, *(place.build / name / "bootstrap" for name in FUNCTIONS))


def _template(values: dict[str, str]) -> str:
    """The template as it is, but for its paths: each function's own folder instead of what `sam build` would produce."""
    from samcli.yamlhelper import yaml_dump, yaml_parse

    template = yaml_parse(TEMPLATE.read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = resource.pop("Metadata")["BuildProperties"]["Binary"]
            for event in resource["Properties"].get("Events", {}).values():
                _numbers(event["Properties"], template["Parameters"], values)
        elif resource["Type"] == "AWS::Serverless::StateMachine":
            resource["Properties"]["DefinitionUri"] = str(REPO / resource["Properties"]["DefinitionUri"])
    return str(yaml_dump(template))


def _numbers(event: dict[str, Any], parameters: dict[str, Any], values: dict[str, str]) -> None:
    """Puts numbers in the place of parameters: MiniStack keeps them as text, which `GetEventSourceMapping` answers and the SDK refuses."""
    for settings in (event, event.get("ScalingConfig", {})):
        for name in ("BatchSize", "MaximumConcurrency"):
            if isinstance(settings.get(name), dict):
                parameter = settings[name]["Ref"]
                settings[name] = int(values.get(parameter, parameters[parameter]["Default"]))
