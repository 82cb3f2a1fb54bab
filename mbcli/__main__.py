"""``mbcli`` and ``python -m mbcli``."""

from mbcli.cli.interruption import interruptible


def main() -> None:
    """Run the command line on ``sys.argv`` and exit with its code."""
    with interruptible():
        # Imported inside, so that Ctrl-C is no traceback while it loads either.
        from mbcli.cli.app import app

        app(prog_name="mbcli")


if __name__ == "__main__":
    main()
