"""Metrics and alert rules in a real Prometheus: ``make metrics-test``, no part of ``make test``."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.isolation import is_isolated


def pytest_collection_modifyitems(config, items):
    here = [item for item in items if Path(item.path).is_relative_to(Path(__file__).parent)]
    if here and not is_isolated() and not config.option.collectonly:
        raise pytest.UsageError("these tests boot hosts: run `make metrics-test`")
