"""``python -m app.cli``, where the command is not installed."""

from app.cli import main

main()
