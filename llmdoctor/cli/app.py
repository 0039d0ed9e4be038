"""The command line: finds the command, imports that one only, and turns bad input into one line and status 2."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Optional

import click

from .. import __version__

COMMANDS = {
    "check": "Look at this machine and say what is wrong.",
    "compare": "What differs between two saved machines.",
    "diagnose": "Read logs and say what went wrong.",
    "explain": "An exit status or error code in words.",
    "fit": "Will a model fit, and what would make it.",
    "report": "What a maintainer wants in a bug issue, without private data.",
    "run": "Run a command, watch what it takes, and say why it failed.",
    "smoke": "Test whether the GPU really computes.",
    "rules": "The knowledge base: list, show, lint, test, new, compile.",
    "tui": "The same to look around in; llmdoctor alone opens it, too.",
}
"""Each is a module of this package with a click command of the same name; imported when called."""


class BadInput(click.ClickException):
    """An unreadable file, a faulty rule, a wrong option: one line on standard error, exit status 2."""

    exit_code = 2

    def show(self, file: Optional[object] = None) -> None:
        from ..host.text import clean
        from ..report.output import write

        write("llmdoctor: " + " ".join(clean(self.message.encode()).split()) + "\n", sys.stderr)


class _Lazy(click.Group):
    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> Optional[click.Command]:
        if name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f".{name}", __package__), name)
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))  # without importing them


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
def llmdoctor() -> None:
    """A doctor for machines that run large language models. It only looks: nothing is changed, nothing is sent."""


def run() -> int:
    """Runs the command that the arguments name; the exit status: 0, 1 (findings), 2 (usage, bad input, our own failure)."""
    if sys.stdout is None:  # closed by whoever started us
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until the end of the process
    try:
        result = llmdoctor.main(prog_name="llmdoctor", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except BadInput as error:
        error.show()
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 2
    except click.ClickException as error:
        BadInput(error.format_message()).show()
        return 2
    except click.exceptions.Exit as error:
        return int(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:
        # The reader has gone. Standard output is pointed elsewhere so that the interpreter's last flush is quiet.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # our own failure: a line, not a traceback
        if os.environ.get("LLMDOCTOR_DEBUG"):
            raise
        BadInput(f"llmdoctor itself failed: {type(error).__name__}: {error} (LLMDOCTOR_DEBUG=1 shows where)").show()
        return 2
