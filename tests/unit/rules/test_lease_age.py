"""Old lease files: told by what both ends know; and since when their server has to recover."""

from __future__ import annotations

import pytest
from iscdhcp.rules.lease_age import forgets
from iscdhcp.rules.lease_age import older_than_partner
from iscdhcp.rules.lease_age import recover_since

NOW = 1_800_000_000.0


def of(newest=1000.0, known=1000.0, active=100, shared=100, ranges="r"):
    return {
        "newest": newest, "known": known, "active": active, "shared": shared, "ranges": ranges,
    }  # fmt: skip


def older(mine, theirs):
    return older_than_partner("b", "a", "foo", mine, theirs)


def test_a_file_that_has_all_that_its_server_acknowledged_is_not_old():
    assert older(of(), of()) is None
    assert older(of(newest=1005.0), of(newest=2000.0)) is None, "what the partner gave alone"


def test_a_file_without_the_last_transaction_that_it_acknowledged_is_old():
    reason = older(of(newest=999.0), of())
    assert reason.blocks and reason.code == "lease-file-old"
    assert "00:16:39" in reason.text and "00:16:40" in reason.text
    assert "bring_back server=b" in reason.do


def test_a_file_without_any_lease_is_old_where_some_were_acknowledged():
    assert older(of(newest=None, active=0), of()).code == "lease-file-old"
    assert older(of(newest=None, active=0), of(known=None, shared=0)) is None


def test_a_file_that_was_used_again_lacks_the_leases_all_the_same():
    assert "40 leases" in older(of(newest=2000.0, active=60), of()).text
    assert older(of(newest=2000.0, active=97), of()) is None, "they end meanwhile"


@pytest.mark.parametrize(
    "mine, theirs", [(None, of()), (of(newest=1.0), None), (of(newest=1.0, ranges="s"), of())]
)
def test_what_can_not_be_compared_is_no_proof(mine, theirs):
    assert older(mine, theirs) is None
    assert forgets("b", "a", "foo", mine, theirs) is None


def test_a_server_that_runs_without_leases_that_both_have_to_know_is_named():
    reason = forgets("b", "a", "foo", of(active=60), of())
    assert reason.code == "leases-missing" and "40 leases" in reason.text
    assert "fetch=True" in reason.do and not reason.blocks
    assert forgets("b", "a", "foo", of(active=96), of()) is None


def ended(seconds=-600.0, unacknowledged=0, identity="p1"):
    return {
        "identity": identity,
        "time": NOW + seconds,
        "unacknowledged": unacknowledged,
        "boot": "x",
    }


@pytest.mark.parametrize(
    "record, last_ran, known, since",
    [
        (ended(), "p1", NOW - 601, -3600),
        (ended(), "p1", None, -3600),
        (ended(unacknowledged=3), "p1", NOW - 601, -600),
        (ended(unacknowledged=None), "p1", NOW - 601, -600),
        (ended(), "p2", NOW - 601, 0),
        (ended(), None, NOW - 601, 0),
        (ended(), "p1", NOW - 300, 0),
        (ended(), "p1", NOW - 590, -3600),
        (ended(seconds=50), "p1", None, 0),
        (None, "p1", NOW - 601, 0),
    ],
)
def test_it_recovers_from_the_last_moment_at_which_it_may_have_given_a_lease(
    record, last_ran, known, since
):
    assert recover_since(record, last_ran, known, 3600.0, NOW) == NOW + since
