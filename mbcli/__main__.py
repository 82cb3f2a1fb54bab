"""``python -m mbcli``: the same as the ``mbcli`` command."""

from mbcli.cli.app import main

if __name__ == "__main__":
    main()
