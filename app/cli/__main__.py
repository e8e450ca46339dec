"""``python -m app.cli``, if the command is not installed."""

from app.cli import main

main()
