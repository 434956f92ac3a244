"""``python -m amcloud``: the same as the ``amcloud`` command."""

from amcloud.cli import main

main()
