"""Start of the program. ``--version`` is answered before anything is imported: it must be as fast as Python itself."""

from __future__ import annotations

import sys

from . import __version__


def main() -> None:
    """Runs the command line and ends the process with its status."""
    if sys.argv[1:] == ["--version"]:
        print(f"llmdoctor {__version__}")
        return
    if not sys.argv[1:]:
        from .cli.interactive import alone

        sys.exit(alone())
    from .cli.app import run

    sys.exit(run())


if __name__ == "__main__":
    main()
