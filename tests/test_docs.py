"""The documentation names what exists: targets, options, files, parameters, functions, links. (Commands of `relay`: `crates/relay/tests/docs.rs`.)"""

from __future__ import annotations

import itertools
import os
import re
import shlex
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from local_stack import cli
from local_stack.paths import REPO, TEMPLATE
from samcli.yamlhelper import yaml_parse

# What a reader is to make, or what is made by running something.
MADE = re.compile(
    r"^(crates/feeds/src/adapter/acme\.rs"  # the example of a new source
    r"|localstack/secrets/\w+|path/to/.*)$"
)
OURS = ("crates/", "docs/", "events/", "functions/", "localstack/", "platforms/", "statemachines/", "tests/", ".ci/")
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"(?<!!)\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")


@dataclass(frozen=True)
class Document:
    """A Markdown file, taken apart."""

    path: Path
    prose: str
    """Without its code blocks."""
    shell: list[str]
    """The commands of its shell blocks, without comments, continued lines joined."""

    @property
    def inline(self) -> list[str]:
        return CODE.findall(self.prose)

    @property
    def commands(self) -> list[str]:
        return self.shell + self.inline

    def __str__(self) -> str:
        return str(self.path.relative_to(REPO))


def read(path: Path) -> Document:
    prose: list[str] = []
    shell: list[str] = []
    language: str | None = None
    for line in path.read_text().splitlines():
        if line.lstrip().startswith("```"):
            language = line.strip().removeprefix("```") if language is None else None
        elif language is None:
            prose.append(line)
        elif language in ("sh", "bash"):
            said = re.sub(r"(^|\s)#.*", "", line).strip()
            if shell and shell[-1].endswith("\\"):
                shell[-1] = f"{shell[-1].removesuffix(chr(92))} {said}"
            elif said:
                shell.append(said)
    return Document(path, "\n".join(prose), shell)


def files() -> list[Path]:
    """Without what is installed or built."""
    found = []
    for folder, below, names in os.walk(REPO):
        below[:] = [name for name in below if name not in ("target", "node_modules", "__pycache__") and (name == ".ci" or not name.startswith("."))]
        found += [Path(folder) / name for name in names]
    return found


FILES = files()
DOCUMENTS = [read(path) for path in FILES if path.suffix == ".md"]
each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=str)
FUNCTIONS = {name for path in FILES if path.suffix in (".rs", ".py") for name in re.findall(r"\b(?:fn|def) (\w+)", path.read_text())}
MAKEFILE = (REPO / "Makefile").read_text()
PARAMETERS: dict[str, Any] = yaml_parse(TEMPLATE.read_text())["Parameters"]
RESOURCES: dict[str, Any] = yaml_parse(TEMPLATE.read_text())["Resources"]


def words(command: str) -> list[str]:
    """A command's words; prose that is no command has none."""
    try:
        return shlex.split(command)
    except ValueError:
        return []


def calls_of(program: str, commands: list[str]) -> Iterator[tuple[dict[str, str], list[str]]]:
    """Environment and arguments of each call of a program that commands begin with."""
    for command in commands:
        said = words(command)
        settings = {}
        while said and re.fullmatch(r"[A-Z_]+=.*", said[0]):
            name, _, value = said.pop(0).partition("=")
            settings[name] = value
        if said and said[0].split("/")[-1] == program:
            yield settings, said[1:]


def test_there_is_something_to_check() -> None:
    assert len(DOCUMENTS) > 25
    assert sum(len(document.shell) for document in DOCUMENTS) > 60
    joined = read(REPO / "README.md").shell
    assert any(command.startswith("samlocal deploy") and "PimcoreUrl" in command for command in joined), joined


@each_document
def test_targets_and_variables_of_make_exist(document: Document) -> None:
    targets = set(re.findall(r"^([a-z][a-z0-9-]*):", MAKEFILE, re.M))
    for _, arguments in calls_of("make", document.commands):
        for word in arguments:
            variable = re.match(r"([A-Z_]+)=", word)
            if variable:
                assert f"$({variable[1]})" in MAKEFILE, f"make {' '.join(arguments)}"
            else:
                assert word in targets, f"make {' '.join(arguments)}"


@each_document
def test_the_local_stack_takes_what_it_is_given(document: Document) -> None:
    for _, arguments in calls_of("python3", document.commands):
        if arguments[:2] == ["-m", "local_stack"]:
            with suppress(SystemExit) if "--help" in arguments else nullcontext():
                cli._parser().parse_args(arguments[2:])


@each_document
def test_packages_and_tests_of_cargo_exist(document: Document) -> None:
    manifests = {path.parent.name: path for path in FILES if path.name == "Cargo.toml"}
    for _, arguments in calls_of("cargo", document.commands):
        given = dict(itertools.pairwise(arguments))
        package = given.get("-p") or given.get("--package")
        if package is None or package.startswith("<"):
            continue
        assert package in manifests, f"cargo {' '.join(arguments)}"
        for option, folder in (("--test", "tests"), ("--bench", "benches"), ("--example", "examples"), ("--bin", "src/bin")):
            if option in given and "--" not in arguments[: arguments.index(option)]:
                home = manifests[package].parent / folder
                name = given[option]
                there = (home / f"{name}.rs").exists() or (home / name / "main.rs").exists() or f'name = "{name}"' in manifests[package].read_text()
                assert there, f"cargo {' '.join(arguments)}"


def dependencies() -> dict[str, set[str]]:
    """What each of our packages is built from, without what tests alone need."""
    sections = {}
    for path in (path for path in FILES if path.name == "Cargo.toml" and "fuzz" not in path.parts):
        manifest = path.read_text()
        name = re.search(r'^name = "([^"]+)"', manifest, re.M)
        section = re.search(r"^\[dependencies\]\n(.*?)(?=^\[|\Z)", manifest, re.M | re.S)
        if name and section:
            sections[name[1]] = set(re.findall(r"^([\w-]+)\s*[.=]", section[1], re.M))
    return {name: needed & set(sections) for name, needed in sections.items()}


def drawn(diagram: str) -> dict[str, set[str]]:
    """The arrows of a flowchart, by the names that its boxes show."""
    shown = {box: re.split(r"<br/>", label)[0] for box, label in re.findall(r'\b([\w-]+)\["([^"]+)"\]', diagram)}
    arrows: dict[str, set[str]] = {}
    for line in re.sub(r'\["[^"]*"\]', "", diagram).splitlines():
        if "-->" in line:
            tail, head = ([part.strip() for part in side.split("&")] for side in line.split("-->"))
            for one in tail:
                arrows.setdefault(shown.get(one, one), set()).update(shown.get(other, other) for other in head)
    return arrows


def test_the_diagram_of_the_components_shows_what_they_are_built_from() -> None:
    """Each arrow that no longer way replaces: `a --> b --> c` says that `a` may use `c` too."""
    needs = dependencies()

    def reach(name: str) -> set[str]:
        return needs[name].union(*(reach(below) for below in needs[name]))

    for_tests = {"pim", "testing"}
    direct = {
        name: {below for below in needs[name] if not any(below in reach(other) for other in needs[name] - {below})}
        for name in needs.keys() - for_tests
        if needs[name]
    }
    page = (REPO / "docs" / "architecture.md").read_text()
    diagram = re.search(r"## Components\n+```mermaid\n(.*?)```", page, re.S)
    assert diagram, "docs/architecture.md has no diagram of the components"
    assert drawn(diagram[1]) == direct


@each_document
def test_functions_that_are_invoked_exist_and_their_events_too(document: Document) -> None:
    for program in ("sam", "samlocal"):
        for _, arguments in calls_of(program, document.commands):
            if "invoke" in arguments:
                name = arguments[arguments.index("invoke") + 1 :]
                assert not name or RESOURCES[name[0]]["Type"] == "AWS::Serverless::Function", arguments


@each_document
def test_parameters_of_the_template_exist(document: Document) -> None:
    for command in document.commands:
        said = words(command)
        if "--parameter-overrides" in said:
            given = " ".join(said[said.index("--parameter-overrides") + 1 :])
            other = re.search(r"--template(?:-file)? (\S+)", command)
            known = yaml_parse((document.path.parent / other[1]).read_text())["Parameters"] if other else PARAMETERS
            for name in re.findall(r"\b([A-Z]\w+)=", given):
                assert name in known, command


def test_every_parameter_of_the_template_is_documented() -> None:
    told = {name for document in DOCUMENTS if document.path.parent.name == "docs" for name in document.inline}
    assert set(PARAMETERS) <= told, f"not in docs/: {set(PARAMETERS) - told}"


@each_document
def test_files_that_are_named_exist(document: Document) -> None:
    in_commands = [word.rpartition("=")[2].removeprefix("file://") for command in document.shell for word in words(command)]
    for name in [*document.inline, *in_commands]:
        if name.startswith(OURS) and re.fullmatch(r"[\w./*-]+", name) and not MADE.match(name):
            found = [*REPO.glob(name.rstrip("/")), *document.path.parent.glob(name.rstrip("/"))]
            assert found, name


@each_document
def test_tests_that_are_named_exist(document: Document) -> None:
    """A name of six words or more is a test's."""
    named = {word for word in document.inline if re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+){5,}", word)}
    assert named <= FUNCTIONS, named - FUNCTIONS


def test_the_list_of_what_ci_takes_is_of_the_steps_that_it_has() -> None:
    steps = re.findall(r"^(?:step|step_beside \w+) '([^']+)'", (REPO / ".ci" / "run").read_text(), re.M)
    assert len(steps) >= 6
    (place,) = re.findall(r"<!-- times -->\n(.*?)<!-- end -->", (REPO / "CONTRIBUTING.md").read_text(), re.S)
    told = re.findall(r"^- ([^*]+?): \d+ s \(\d+\)$", place, re.M)
    # Those beside each other begin at once.
    assert sorted(told) == sorted(steps) or place == "The steps of today have not been measured in one run.\n", told


@each_document
def test_variables_that_are_named_are_read_somewhere(document: Document) -> None:
    for name in set(re.findall(r"\bRELAY_[A-Z_]+\b", "\n".join([*document.shell, *document.inline]))):
        assert name in SOURCES_TEXT or name == "RELAY_", name


SOURCES_TEXT = "\n".join(
    path.read_text(errors="replace") for path in FILES if path.suffix in (".rs", ".py", ".yaml", ".toml", ".sh", ".js") or path.name == "Makefile"
)


def anchors(document: Document) -> set[str]:
    """The anchors of a page, as GitHub makes them of its headings, and those that it sets itself."""
    found: dict[str, int] = {}
    made = set(re.findall(r'<a (?:id|name)="([^"]+)"', document.prose))
    for heading in re.findall(r"^#{1,6} +(.+?) *#*$", document.prose, re.M):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        found[slug] = found.get(slug, -1) + 1
        made.add(slug if found[slug] == 0 else f"{slug}-{found[slug]}")
    return made


@each_document
def test_links_lead_somewhere(document: Document) -> None:
    pages = {page.path: page for page in DOCUMENTS}
    for link in LINK.findall(CODE.sub("", document.prose)):
        if re.match(r"[a-z]+:", link):
            continue
        place, _, anchor = link.partition("#")
        target = (document.path.parent / place).resolve() if place else document.path
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(pages[target]), f"{link}: {sorted(anchors(pages[target]))}"


def test_what_code_says_of_the_documentation_exists() -> None:
    """Error messages, alarms and comments that lead to a page, and to a place in it."""
    pages = {str(document): document for document in DOCUMENTS}
    for name, anchor in set(re.findall(r"\b(docs/[\w-]+\.md)(?:#([\w-]+))?", SOURCES_TEXT)):
        assert name in pages, name
        assert not anchor or anchor in anchors(pages[name]), f"{name}#{anchor}"


def test_decisions_that_code_cites_are_on_record() -> None:
    page = (REPO / "docs" / "decisions.md").read_text()
    numbers = re.findall(r"^- \*\*(D\d+)\*\*: ", page, re.M)
    known = set(numbers)
    assert len(numbers) == len(known), "two decisions have one number"
    cited_in = SOURCES_TEXT + "\n".join(document.prose for document in DOCUMENTS)
    cited = {name for group in re.findall(r"\((D\d+(?:, D\d+)*)\)", cited_in) for name in group.split(", ")}
    assert len(cited) > 15
    assert cited <= known, cited - known
