"""The manual of ``dhcpd.status`` and what it returns have the same fields."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import get_type_hints

import pytest
from iscdhcp import shapes
from iscdhcp import unknown

ROOT = Path(__file__).resolve().parents[3]


def manual():
    """Each entry of the list: its first names, and all names in it."""
    tree = ast.parse((ROOT / "_modules/dhcpd.py").read_text(encoding="utf-8"))
    (status,) = [
        one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name == "status"
    ]
    text = ast.get_docstring(status).partition("shapes.py``.\n")[2].partition("CLI Example")[0]
    return [re.findall(r"``(\w+)``", entry) for entry in text.split("\n* ")]


def test_every_field_is_in_the_manual_and_the_manual_has_no_others():
    told = {name for entry in manual() for name in entry}
    parts = {
        *get_type_hints(shapes.ServerFacts),
        *get_type_hints(shapes.ProcessFacts),
        *get_type_hints(shapes.ConfigurationFacts),
        *get_type_hints(shapes.LeaseFileFacts),
        *get_type_hints(shapes.OmapiFacts),
        *get_type_hints(shapes.LogFacts),
        *get_type_hints(shapes.EndFacts),
        *get_type_hints(shapes.ServiceFacts),
        *get_type_hints(shapes.LastStart),
        *get_type_hints(shapes.Pending),
    }
    assert told - {"None", "omapi", "unknown"} == parts - {"omapi", "unknown"}


@pytest.mark.parametrize(
    "first, shape",
    [
        ("process", shapes.ProcessFacts),
        ("configuration", shapes.ConfigurationFacts),
        ("lease_file", shapes.LeaseFileFacts),
        ("omapi", shapes.OmapiFacts),
        ("relationships", shapes.EndFacts),
        ("service", shapes.ServiceFacts),
    ],
)
def test_a_part_has_its_own_fields(first, shape):
    (entry,) = [one for one in manual() if one[:1] == [first]]
    assert set(entry[1:]) - {"omapi", "log"} == set(get_type_hints(shape)) - {"omapi", "log"}


@pytest.mark.parametrize(
    "made, shape",
    [
        (unknown.server, shapes.ServerFacts),
        (unknown.end, shapes.EndFacts),
        (unknown.survey, shapes.Survey),
        (unknown.log, shapes.LogSurvey),
        (unknown.examined, shapes.Examined),
        (unknown.service, shapes.ServiceFacts),
    ],
)
def test_what_is_unknown_has_every_field(made, shape):
    assert set(made()) == set(get_type_hints(shape))
