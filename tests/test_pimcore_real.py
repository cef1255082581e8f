"""The script that asks a real Pimcore what becomes of people's work, tried on the stand-in: it is to tell right from wrong."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_stack.paths import PIM, REPO, TARGET
from local_stack.processes import answers, free_port
from pimcore_real.__main__ import Report, compare
from pimcore_real.rows import ROWS
from pimcore_real.sink import holds
from pimcore_real.sweep import Cost

KEY = "a-key-for-the-stand-in"
RUN = REPO / "tests/pimcore_real/run.sh"


@pytest.fixture(params=[False, True], ids=["without", "with"])
def stand_in(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, bool]]:
    port = free_port()
    (tmp_path / "key").write_text(KEY + "\n")
    (tmp_path / "password").write_text("any\n")
    command = [TARGET / "debug" / PIM, "--listen", f"127.0.0.1:{port}", "--db", tmp_path / "pim.db", "--api-key-file", tmp_path / "key"]
    with subprocess.Popen([*command, *(["--bundle"] if request.param else [])], stderr=subprocess.DEVNULL) as pim:
        url = f"http://127.0.0.1:{port}"
        try:
            while not answers(f"{url}/pimcore-graphql-webservices/catalog"):
                assert pim.poll() is None, "the stand-in does not start"
                time.sleep(0.05)
            yield url, bool(request.param)
        finally:
            pim.terminate()


def ask(tmp_path: Path, url: str, **more: str) -> subprocess.CompletedProcess[str]:
    files = {"PIM_API_KEY_FILE": tmp_path / "key", "PIM_ADMIN_PASSWORD_FILE": tmp_path / "password", "PIM_SECOND_PASSWORD_FILE": tmp_path / "password"}
    environment = {"PATH": os.environ["PATH"], "PIM_SECOND_USER": "second", **{name: str(file) for name, file in files.items()}, **more}
    return subprocess.run([RUN, url, "--rounds", "7"], env=environment, capture_output=True, text=True, check=False, timeout=120)


def test_every_row_that_the_stand_in_knows_is_as_expected(stand_in: tuple[str, bool], tmp_path: Path) -> None:
    url, bundle = stand_in
    told = ask(tmp_path, url)
    assert told.returncode == 0, told.stdout + told.stderr
    assert f"== {'with' if bundle else 'without'} the bundle" in told.stdout
    asked = [line.split()[1] for line in told.stdout.splitlines() if line.startswith(("ok ", "- "))]
    assert [name for name in asked if name in {row.name for row in ROWS}] == [row.name for row in ROWS]
    # The stand-in has two languages; it sends no notifications.
    assert {line.split()[1] for line in told.stdout.splitlines() if line.startswith("- ")} == {"1.12", "4.1", "8.2", "8.3", *(["6.5"] if bundle else [])}


def test_what_is_not_as_expected_is_shown_and_fails(stand_in: tuple[str, bool], tmp_path: Path) -> None:
    url, _ = stand_in
    # French is claimed, so the rows about it are asked, and the stand-in loses it.
    script = f"import sys; sys.argv = ['run.sh', {url!r}, '--rounds', '2', '--languages', 'en,ar,fr']; from pimcore_real.__main__ import main; sys.exit(main())"
    files = {"PIM_API_KEY_FILE": str(tmp_path / "key"), "PIM_ADMIN_PASSWORD_FILE": str(tmp_path / "password")}
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPO / "tests"), **files}
    told = subprocess.run(["python3", "-c", script], env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert told.returncode == 1, told.stdout + told.stderr
    assert "WRONG 4.1" in told.stdout
    assert "expected  TEXTE" in told.stdout


def test_what_the_bundle_costs_is_held_to_its_bounds(capsys: pytest.CaptureFixture[str]) -> None:
    without = Cost(60.0, 60.0)
    for bundle, wrong in ((Cost(69.0, 84.0), 0), (Cost(70.0, 84.0), 1), (Cost(70.0, 85.0), 2)):
        report = Report()
        compare(report, [without, bundle])
        assert (report.right, report.wrong) == (2 - wrong, wrong)
    assert "WRONG 8.3" in capsys.readouterr().out
    report = Report()
    compare(report, [without])
    assert (report.right, report.wrong, report.unasked) == (0, 0, 2)


def test_each_kind_of_question_is_listed_and_each_question_says_what_has_to_be_so() -> None:
    readme, main = ((REPO / "tests/pimcore_real" / name).read_text() for name in ("README.md", "__main__.py"))
    listed = re.findall(r"^- (\d): \w", readme, flags=re.MULTILINE)
    assert listed == sorted(set(listed))
    assert set(listed) == {row.name[0] for row in ROWS} | set(re.findall(r'"(\d)\.\d+"', main))
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert all(row.what and row.without and row.with_bundle for row in ROWS)


def test_the_receiver_believes_what_the_bundle_signs() -> None:
    vectors = json.loads((REPO / "platforms/pimcore-bundle/tests/signatures.json").read_text())
    for vector in vectors:
        assert holds(vector["header"], vector["secrets"], vector["now"], vector["body"]) is vector["holds"], vector["case"]
