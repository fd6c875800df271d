"""Who may act on a server: an act keeps new claims away, a claim keeps others' acts away."""

from __future__ import annotations

import threading
import time

import pytest
from iscdhcp.act import claims


@pytest.fixture
def mine(tmp_path):
    return claims.Claims(tmp_path, "dhcp-a")


def test_a_claim_is_refused_while_an_act_runs_and_says_so_to_programs(mine, tmp_path):
    with claims.acting(tmp_path, "dhcp-a"):
        with pytest.raises(claims.Refused, match="being stopped or started") as refused:
            mine.claim("run-1", "ann", 60)
    assert refused.value.code == "acting"
    assert mine.current is None
    mine.claim("run-1", "ann", 60)
    with pytest.raises(claims.Refused) as refused:
        mine.claim("run-2", "bob", 60)
    assert refused.value.code == "claim"


def test_a_refusal_names_the_claim_that_it_was_for_although_that_is_released_by_then(mine):
    """A master takes over what its own last run has just given back."""
    mine.claim("run-1", "ann", 60, master="m")
    with pytest.raises(claims.Refused) as refused:
        mine.claim("run-2", "ann", 60, master="m")
    mine.release("run-1")
    assert mine.current is None
    assert (refused.value.claim["run"], refused.value.claim["master"]) == ("run-1", "m")


def test_a_run_renews_its_claim_while_its_own_act_runs(mine, tmp_path):
    until = mine.claim("run-1", "ann", 60)
    with claims.acting(tmp_path, "dhcp-a"):
        assert mine.claim("run-1", "ann", 90) > until


def test_a_claim_that_has_run_out_is_no_claim_to_renew(mine, tmp_path):
    mine.claim("run-1", "ann", 0)
    with claims.acting(tmp_path, "dhcp-a"), pytest.raises(claims.Refused):
        mine.claim("run-1", "ann", 60)


def test_an_act_finds_every_claim_that_came_before_it(mine, tmp_path):
    """In each order of the two, one of them gives way."""
    begun = threading.Barrier(2)
    for number in range(50):
        mine.release()
        said = []

        def claim(number=number, said=said):
            begun.wait()
            try:
                mine.claim(f"run-{number}", "ann", 60)
                said.append("claimed")
            except claims.Refused:
                pass

        thread = threading.Thread(target=claim)
        thread.start()
        begun.wait()
        with claims.acting(tmp_path, "dhcp-a"):
            free = mine.current is None
            thread.join()
        assert free != bool(said)


def test_looks_never_make_an_act_fail(tmp_path):
    ended = threading.Event()

    def look():
        while not ended.is_set():
            claims.is_acting(tmp_path)

    lookers = [threading.Thread(target=look) for _ in range(4)]
    for thread in lookers:
        thread.start()
    try:
        for _ in range(50):
            with claims.acting(tmp_path, "dhcp-a"):
                assert claims.is_acting(tmp_path)
    finally:
        ended.set()
        for thread in lookers:
            thread.join()


def test_another_act_is_refused_at_once(tmp_path):
    with claims.acting(tmp_path, "dhcp-a"):
        begun = time.monotonic()
        with pytest.raises(claims.Refused, match="being stopped or started") as refused:
            with claims.acting(tmp_path, "dhcp-a"):
                pass
        assert time.monotonic() - begun < claims.LOOKS_SECONDS
    assert refused.value.code == "acting"
    with claims.acting(tmp_path, "dhcp-a"):
        pass
