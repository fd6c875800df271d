"""Figures of several runs, as the benchmarks write them."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

from lab.isolation import CHECKOUT

#: Where the results are written.
FOLDER = CHECKOUT / "build" / "bench"


def spread(values: list[float], digits: int = 4) -> dict[str, float]:
    """Return least, median and greatest of several runs, and how many there were."""
    return {
        "min": round(min(values), digits),
        "median": round(statistics.median(values), digits),
        "max": round(max(values), digits),
        "runs": len(values),
    }


def write(name: str, result: dict[str, Any]) -> Path:
    """Write a benchmark's result to ``build/bench/NAME.json``; return the file."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return path
