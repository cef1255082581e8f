"""Whatever was done to the local stack's files: a start heals it or says what to do, and no traceback is what a user sees."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from local_stack import cli, install, orphans, stack
from local_stack.console import Failed
from local_stack.paths import Place
from local_stack.postgres import Cluster
from local_stack.processes import Service, environment
from local_stack.shop import ShopFacts

FACTS = ShopFacts("a@example.test", "p", "d", "j", "c", "sc_1", "sloc_1", "pk_1", {"SAR": "reg_1"}, {"SAR": 15})


@pytest.fixture
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stacks and databases in a folder of the test's own."""
    monkeypatch.setattr("local_stack.paths.STACKS", tmp_path / "stacks")
    monkeypatch.setattr("local_stack.cli.STACKS", tmp_path / "stacks")
    monkeypatch.setattr("local_stack.postgres.home", lambda: tmp_path / "data")
    monkeypatch.setattr("local_stack.install.LOGS", tmp_path / "logs")
    return tmp_path


def database(somewhere: Path, name: str) -> Path:
    data = somewhere / "data" / name
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("17")
    return data


def test_a_stack_whose_folder_was_removed_by_hand_begins_anew(somewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = database(somewhere, "demo")
    # What is left of it: a program whose process id nobody has kept.
    state = Place("demo").dir / "emulator" / "state"
    left = Service("left behind", somewhere / "pid", somewhere / "log")
    left.start(["sleep", "300"], ready=lambda: True, within=5, env=environment(STATE_DIR=str(state)))
    other = Service("another stack's", somewhere / "pid2", somewhere / "log2")
    other.start(["sleep", "300"], ready=lambda: True, within=5, env=environment(STATE_DIR=f"{Place('demo2').dir}/x", OLDPWD=str(state)))
    try:
        stack.Stack.open("demo", any_ports=True)
        assert not data.exists()
        assert not left.alive()
        assert other.alive(), "it has nothing to do with it"
    finally:
        left.stop()
        other.stop()
    assert "was gone" in capsys.readouterr().out


def test_the_port_of_a_server_of_long_ago_is_somebody_elses(somewhere: Path) -> None:
    data = database(somewhere, "demo")
    shop = Service("another shop", somewhere / "pid", somewhere / "log")
    shop.start(["sleep", "300"], ready=lambda: True, within=5, env=environment(DATABASE_URL="postgres://m:x@127.0.0.1:54333/p"))
    try:
        # The process id is that of a program that is no server of this database.
        (data / "postmaster.pid").write_text(f"{shop.pid()}\n{data}\n0\n54333\n")
        assert orphans.stop(Place("demo").dir, data) == []
        assert shop.alive()
    finally:
        shop.stop()


@pytest.mark.parametrize("kept", [None, "", "{", '{"email": "a"}'])
def test_a_shop_without_its_keys_is_made_anew(somewhere: Path, monkeypatch: pytest.MonkeyPatch, kept: str | None) -> None:
    data = database(somewhere, "demo")
    template = database(somewhere, "template-1")
    (template / "new").touch()
    one = stack.Stack(Place("demo"), dict(stack.DEFAULT_PORTS))
    one.save()
    if kept is not None:
        (one.place.dir / "shop.json").write_text(kept)
    with pytest.raises(Failed, match=r"shop\.json is missing or damaged"):
        _ = one.facts
    monkeypatch.setattr("local_stack.shop.template", lambda: (template, FACTS))
    monkeypatch.setattr(Cluster, "start", lambda *_: None)
    one.start_database()
    assert (data / "new").exists()
    assert one.facts == FACTS


def test_a_shop_with_its_keys_is_left_alone(somewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = database(somewhere, "demo")
    one = stack.Stack(Place("demo"), dict(stack.DEFAULT_PORTS))
    one.save()
    (one.place.dir / "shop.json").write_text(json.dumps(vars(FACTS)))
    monkeypatch.setattr(Cluster, "start", lambda *_: None)
    one.start_database()
    assert (data / "PG_VERSION").exists()


@pytest.mark.parametrize("kept", ["", "{", "[]", '{"ports": {}}', '{"ports": {"aws": "x"}, "publish_policy": "auto"}'])
def test_a_damaged_record_of_a_stack_says_what_to_do(somewhere: Path, capsys: pytest.CaptureFixture[str], kept: str) -> None:
    place = Place("demo")
    place.dir.mkdir(parents=True)
    place.state.write_text(kept)
    assert cli.main(["down"]) == 1
    said = capsys.readouterr().err
    assert "cannot be read" in said
    assert "What to do: make clean" in said
    assert "Traceback" not in said
    database(somewhere, "demo")
    database(somewhere, "gone")
    template = database(somewhere, "template-1")
    assert cli.main(["clean"]) == 0
    assert not place.dir.exists()
    assert [entry.name for entry in (somewhere / "data").iterdir()] == [template.name], "databases without a stack go, too"


def test_what_nobody_thought_of_is_one_sentence_and_a_log(somewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def surprise(_: str) -> None:
        raise KeyError("FeedBucket")

    monkeypatch.setattr(stack.Stack, "load", surprise)
    assert cli.main(["down"]) == 1
    said = capsys.readouterr().err
    assert "KeyError: 'FeedBucket'" in said
    assert "What to do: " in said
    assert "Traceback" not in said
    log = somewhere / "logs" / "unforeseen.log"
    assert str(log) in said
    assert "Traceback" in log.read_text()
    assert log.parent == install.LOGS


def test_python_itself_prints_no_traceback(tmp_path: Path) -> None:
    """From outside, as `make` calls it."""
    script = "import sys; from local_stack import cli, stack\n"
    script += "stack.Stack.load = classmethod(lambda *_: 1 / 0)\nsys.exit(cli.main(['down']))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
        env=environment(PYTHONPATH=str(Path(cli.__file__).parents[1])),
    )
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    assert "Traceback" not in done.stderr
