"""`python -m alligator` is the `alligator` command."""

from alligator_core.cli import main

main()
