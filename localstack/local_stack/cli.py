"""The commands: `python -m local_stack COMMAND`. The Makefile's targets are thin wrappers around them."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable

from local_stack import install
from local_stack.console import Failed, error, say
from local_stack.paths import LOCAL, REPO, SOURCES, STACKS, Place, in_venv, venv_bin

Command = Callable[[argparse.Namespace], int]

# What a command needs to be there before it can run.
NOTHING, TOOLS, EVERYTHING = "nothing", "tools", "everything"


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    options.only, options.stack = options.stack, options.stack or "demo"
    try:
        if options.needs != NOTHING:
            _in_venv(options.needs)
        return int(options.command(options))
    except Failed as failure:
        error(f"\n{failure}")
        return 1
    except BrokenPipeError:
        # Whoever read our output has seen enough (`make status | head`).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        error("\ninterrupted; `make status` shows what runs, `make down` stops it")
        return 130
    except Exception as problem:
        error(f"\n{_unforeseen(problem)}")
        return 1


def _unforeseen(problem: Exception) -> Failed:
    """What nobody has thought of, in one sentence; its traceback is for whoever mends it, and goes to a log."""
    log = install.LOGS / "unforeseen.log"
    what = f"this did not work, and nobody has thought of it: {type(problem).__name__}: {problem}"
    todo = "run the same command again; if it stays, make clean and make demo begin anew"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as out:
            out.write(f"--- {time.strftime('%Y-%m-%d %H:%M:%S')} {' '.join(sys.argv[1:])}\n{''.join(traceback.format_exception(problem))}")
    except OSError:
        return Failed(what, todo=todo)
    return Failed(what, todo=f"{todo}. Whoever looks into it finds more in {log}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="local_stack", description="The whole pipeline on this machine, everything on loopback.")
    parser.add_argument("--stack", default="", help="name of the stack (default: demo; for clean: every stack)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Command, text: str, needs: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(command=run, needs=needs)
        return sub

    for name, run, text in (("up", up, "install, build, start and deploy everything"), ("deploy", up, "build and deploy again (starts what does not run)")):
        sub = command(name, run, text, EVERYTHING)
        sub.add_argument("--publish-policy", choices=("auto", "review"), default="auto", help="auto publishes new products in the PIM (default: auto)")
    sub = command("demo", demo, "take a feed all the way to products one can buy, and show them", EVERYTHING)
    sub.add_argument("--feed", default=str(SOURCES / "sample-feeds" / "abayas.json"), help="a file: SHEIN API documents, a Bright Data CSV, or canonical JSON")
    sub.add_argument("--source", default="", help="which source it is of, if that cannot be told from its content")
    sub.add_argument(
        "--rules",
        default="",
        help="rules put into force first, a file or a folder; `none` takes them out for good (default: those in force; at first rules/sample.yaml)",
    )
    sub.add_argument("--wait", type=float, default=300.0, help="seconds without any progress after which to give up (default: 300)")
    sub.add_argument("--publish-policy", choices=("auto", "review"), default="auto")
    command("status", status, "what runs, where, and what is waiting", TOOLS)
    sub = command("logs", logs, "follow the logs of the functions, or of one service", TOOLS)
    sub.add_argument("name", nargs="?", default="", help="normalize, pimcore-sync, medusa-push, dlq-redrive, medusa, pim, postgres or emulator")
    sub.add_argument("--once", action="store_true", help="print what there is and end")
    command("install", lambda _: 0, "install and build only", EVERYTHING)
    command("tools", tools, "install only the Python tools", NOTHING)
    sub = command("services", services, "run a command with a local AWS and a Medusa of its own, named by RELAY_… variables", EVERYTHING)
    sub.add_argument("--killable", action="store_true", help="only a Medusa, not started: RELAY_MEDUSA_COMMAND says how")
    sub.add_argument("run", nargs=argparse.REMAINDER, help="-- and the command")
    sub = command("engine", engine, "run a command with a container engine that has Lambda's base image, or a stand-in for it", EVERYTHING)
    sub.add_argument("run", nargs=argparse.REMAINDER, help="-- and the command")
    command("down", down, "stop everything; data stays", NOTHING)
    sub = command("clean", clean, "stop every stack, or the one that --stack names, and delete its data", NOTHING)
    sub.add_argument("--all", action="store_true", help="also delete the installed tools and packages")
    return parser


def _in_venv(needs: str) -> None:
    """Installs what is missing and goes on inside the virtual environment."""
    if in_venv():
        return
    if needs == EVERYTHING:
        install.everything()
    else:
        install.tools()
    python = str(venv_bin("python"))
    sys.stdout.flush()
    os.environ["PYTHONPATH"] = str(SOURCES)
    os.execv(python, [python, "-m", "local_stack", *sys.argv[1:]])


def tools(_: argparse.Namespace) -> int:
    install.tools()
    return 0


def up(options: argparse.Namespace) -> int:
    from local_stack.stack import Stack
    from local_stack.where import where_to_look

    stack = Stack.open(options.stack, publish_policy=options.publish_policy)
    stack.start()
    say()
    print(where_to_look(stack))
    return 0


def demo(options: argparse.Namespace) -> int:
    from local_stack import ruled
    from local_stack.demo import demonstrate
    from local_stack.stack import Stack

    stack = Stack.open(options.stack, publish_policy=options.publish_policy)
    stack.start()
    return demonstrate(stack, options.feed, options.source, options.wait, options.rules or ruled.to_begin_with(stack))


def status(options: argparse.Namespace) -> int:
    from local_stack.stack import Stack
    from local_stack.where import show_status

    stack = Stack.load(options.stack)
    if not stack:
        print("nothing was started yet: make demo")
        return 3
    return show_status(stack)


def logs(options: argparse.Namespace) -> int:
    from local_stack.stack import Stack
    from local_stack.where import follow_logs

    stack = Stack.load(options.stack)
    if not stack:
        raise Failed("nothing was started yet", todo="make up")
    return follow_logs(stack, options.name, once=options.once)


def services(options: argparse.Namespace) -> int:
    from local_stack.services import run_with

    return run_with(_command_of(options), killable=options.killable)


def engine(options: argparse.Namespace) -> int:
    from local_stack.engine import run_with

    return run_with(_command_of(options))


def _command_of(options: argparse.Namespace) -> list[str]:
    run = options.run[1:] if options.run[:1] == ["--"] else options.run
    if not run:
        raise Failed("no command to run", todo="say what to run after --, such as: -- cargo test")
    return list(run)


def down(options: argparse.Namespace) -> int:
    from local_stack.stack import Stack

    stack = Stack.load(options.stack)
    if not stack:
        print("nothing to stop")
        return 0
    stack.stop()
    print("stopped; the data is kept (make clean deletes it)")
    return 0


def clean(options: argparse.Namespace) -> int:
    from local_stack.postgres import home
    from local_stack.stack import Stack

    for folder in sorted(STACKS.glob(options.only or "*")) if STACKS.exists() else []:
        # One whose record cannot be read has process ids all the same.
        Stack(Place(folder.name), {}).remove()
    for data in sorted(home().glob(options.only or "*")):
        if data.is_dir() and not data.name.startswith(("template-", "programs-")):
            Stack(Place(data.name), {}).forget_remains()
    if options.all:
        if not home().is_relative_to(REPO):
            shutil.rmtree(home(), ignore_errors=True)
        shutil.rmtree(LOCAL, ignore_errors=True)
    print("deleted")
    return 0
