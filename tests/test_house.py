"""What the house asks of Rust code that can be counted: no function beyond a screen, no file beyond what one reads in a sitting."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from local_stack.paths import REPO

LINES_OF_A_FUNCTION = 60
LINES_OF_A_FILE = 600

# What may hold a brace that opens nothing. A lifetime is no character: it has no second quote.
NO_CODE = re.compile(
    r"""//[^\n]*|/\*.*?\*/|(?<![A-Za-z0-9_])b?r(?P<hashes>\#*)".*?"(?P=hashes)|b?"(?:\\.|[^"\\])*"|b?'(?:\\[^\n']+|\\'|[^'\\\n])'""",
    re.DOTALL | re.VERBOSE,
)
FUNCTION = re.compile(r"\bfn\s+(\w+)")
TESTS = re.compile(r"#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*(?:pub(?:\(\w+\))?\s+)?mod\s+\w+\s*(?=\{)")


def bare(source: str) -> str:
    """The source with comments and texts blanked; lines stay where they are."""
    return NO_CODE.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), source)


def end_of_block(source: str, start: int) -> int:
    """Where the block ends that opens at `start`."""
    depth = 0
    for brace in re.compile(r"[{}]").finditer(source, start):
        depth += 1 if brace.group() == "{" else -1
        if depth == 0:
            return brace.start()
    return len(source)


def body_of(source: str, start: int) -> int | None:
    """Where the body of a function opens whose name ends at `start`; None of one that is only declared."""
    depth = 0
    for sign in re.compile(r"[(\[)\];{]").finditer(source, start):
        if sign.group() in "([":
            depth += 1
        elif sign.group() in ")]":
            depth -= 1
        elif depth == 0:
            return sign.start() if sign.group() == "{" else None
    return None


def without_tests(source: str) -> str:
    while found := TESTS.search(source):
        source = source[: found.start()] + source[end_of_block(source, found.end()) + 1 :]
    return source


def functions(source: str) -> Iterator[tuple[str, int]]:
    """Each function with its lines, from `fn` to the last brace."""
    source = without_tests(bare(source))
    for found in FUNCTION.finditer(source):
        if (body := body_of(source, found.end())) is not None:
            yield found.group(1), source.count("\n", found.start(), end_of_block(source, body)) + 1


def sources() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "*.rs"], cwd=REPO, capture_output=True, text=True, check=True).stdout
    return [path for path in map(Path, listed.split()) if (REPO / path).exists()]


def is_test(path: Path) -> bool:
    return "tests" in path.parts or path.name == "tests.rs"


def test_no_function_is_longer_than_a_screen() -> None:
    code = [path for path in sources() if not is_test(path)]
    long = {f"{path}: {name}": lines for path in code for name, lines in functions((REPO / path).read_text("utf-8")) if lines > LINES_OF_A_FUNCTION}
    assert long == {}


def test_no_file_is_longer_than_one_reads_in_a_sitting() -> None:
    lines = {str(path): (REPO / path).read_text("utf-8").count("\n") for path in sources()}
    assert {path: count for path, count in lines.items() if count > LINES_OF_A_FILE} == {}


def test_functions_are_counted_to_their_last_brace() -> None:
    source = r"""
fn one<'a>(text: &'a str) -> [u8; 2] {
    // }
    let (a, b) = ('}', '\'');
    let c = r#"}"}"#;
    fn inner() -> u8 { 1 }
    f("\"}")
}
trait T { fn declared(&self) -> u8; }
#[cfg(test)]
mod tests {
    fn of_tests() {
    }
}
fn last() {}
"""
    assert list(functions(source)) == [("one", 7), ("inner", 1), ("last", 1)]
