"""What tests share: people, data, stores, gateways, containers, faults, and one poller."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
