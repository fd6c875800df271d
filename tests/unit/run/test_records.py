"""How long an unfinished run can be continued."""

from __future__ import annotations

import pytest
from iscdhcp.files import write_json
from iscdhcp.run import records
from iscdhcp.run.records import RECORD_LIFE

NOW = 1_800_000_000.0


def record(**changed):
    acted = {"dhcp-a": {"ordered": NOW - 10}}
    return {"kind": "restart", "begun": NOW - 10, "finished": None, "servers": acted, **changed}


@pytest.mark.parametrize(
    "changed, continued",
    [
        ({}, True),
        ({"begun": NOW - RECORD_LIFE + 1}, True),
        ({"begun": NOW - RECORD_LIFE}, False),
        ({"finished": NOW - 1}, False),
        ({"servers": {"dhcp-a": {}}}, False),
    ],
    ids=["young", "just", "old", "finished", "nothing-done"],
)
def test_an_unfinished_run_is_continued_while_it_is_young_and_has_acted(
    tmp_path, changed, continued
):
    write_json(records.path_of(tmp_path, "foo:dhcp-a:dhcp-b", "restart"), record(**changed))
    assert bool(records.unfinished(tmp_path, "foo:dhcp-a:dhcp-b", NOW)) is continued
