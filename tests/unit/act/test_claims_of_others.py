"""What a claim keeps away, until when, and what its release leaves behind."""

from __future__ import annotations

import threading

import pytest
from fake_clock import FakeClock
from iscdhcp.act import claims
from iscdhcp.act import guard
from iscdhcp.act import starting
from iscdhcp.act.claims import RELEASED_SECONDS


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def mine(tmp_path, clock):
    return claims.Claims(tmp_path, "dhcp-a", clock)


def refused(act, *words, **named):
    with pytest.raises(claims.Refused) as found:
        act(*words, **named)
    return found.value.code


def test_another_runs_claim_is_refused_until_its_last_second(mine, clock):
    mine.claim("run-1", "ann", 60)
    clock.sleep(59.9)
    assert refused(mine.claim, "run-2", "bob", 60) == "claim"
    assert mine.current["run"] == "run-1"
    clock.sleep(0.2)
    assert mine.current is None
    mine.claim("run-2", "bob", 60)
    assert mine.current["run"] == "run-2"


def test_a_claim_that_was_released_does_not_come_back_by_a_late_order(mine, clock):
    mine.claim("run-1", "ann", 60, token="t1")
    assert mine.release("run-1", "t1")
    assert refused(mine.claim, "run-1", "ann", 60, token="t1") == "released"
    assert mine.current is None
    # Another process of the same run has a token of its own.
    mine.claim("run-1", "ann", 60, token="t2")


def test_each_release_is_remembered_for_as_long_as_an_order_may_be_late(mine, clock):
    for token in ("t1", "t2"):
        mine.claim("run", "ann", 60, token=token)
        mine.release("run", token)
        clock.sleep(1)
    clock.sleep(RELEASED_SECONDS - 10)
    assert refused(mine.claim, "run", "ann", 60, token="t1") == "released"
    assert refused(mine.claim, "run", "ann", 60, token="t2") == "released"
    clock.sleep(20)
    mine.claim("run", "ann", 60, token="t1")


def test_a_run_can_not_release_another_ones_claim(mine):
    mine.claim("run-1", "ann", 60)
    assert refused(mine.release, "run-2") == "claim"
    assert mine.current["run"] == "run-1"


def test_a_person_who_knows_better_releases_any_claim(mine):
    mine.claim("run-1", "ann", 60)
    assert mine.release() is True
    assert mine.current is None
    assert mine.release() is False


@pytest.mark.parametrize(
    "master, over",
    [("m1", None), (None, "run-1"), ("m2", "run-1"), ("m1", "run-0"), (None, None)],
)
def test_only_the_same_master_takes_over_and_only_the_run_that_it_names(mine, master, over):
    mine.claim("run-1", "ann", 60, master="m1")
    assert refused(mine.claim, "run-2", "ann", 60, master=master, over=over) == "claim"
    mine.claim("run-2", "ann", 60, master="m1", over="run-1")
    assert mine.current["run"] == "run-2"


def test_a_claim_without_a_master_is_nobodys_to_take_over(mine):
    mine.claim("run-1", "ann", 60)
    assert refused(mine.claim, "run-2", "ann", 60, over="run-1") == "claim"


def test_two_acts_never_have_a_server_at_the_same_time(tmp_path, clock):
    with claims.acting(tmp_path, "dhcp-a", clock):
        assert claims.is_acting(tmp_path)
        with pytest.raises(claims.Refused) as found, claims.acting(tmp_path, "dhcp-a", clock):
            pass
        assert found.value.code == "acting"
    assert not claims.is_acting(tmp_path)


@pytest.mark.parametrize("kept", ["", "torn {", "[]", '{"run": "r"}', '{"until": null}'])
def test_a_claim_file_that_says_nothing_claims_nothing(mine, tmp_path, kept):
    (tmp_path / "claim.json").write_text(kept)
    assert mine.current is None
    mine.claim("run-2", "bob", 60)


def claimed(here, run="run-1"):
    here.notes.claims.claim(run, "ann", 600)


def test_a_start_heeds_another_runs_claim_unless_it_is_forced(here):
    here.host.running = None
    claimed(here)
    refusal = starting.start(here, (), 5, "run-2")
    assert refusal["refused"] and "ann" in refusal["comment"]
    assert [one["code"] for one in refusal["reasons"]] == ["claim"]
    assert "was not started" in refusal["comment"] and "force=claim" in refusal["comment"]
    assert here.host.done == []
    assert starting.start(here, ("claim",), 5, "run-2")["result"]


def test_a_persons_start_names_who_has_claimed_the_server(here):
    """A person has no run, and a claim is then always somebody else's."""
    here.host.running = None
    claimed(here)
    refusal = starting.start(here, (), 5, None)
    assert refusal["refused"] and "claimed by ann until" in refusal["comment"]
    assert here.host.done == []
    assert starting.start(here, ("claim",), 5, None)["result"]


def test_a_start_of_the_run_that_has_the_claim_goes_on(here):
    here.host.running = None
    claimed(here)
    assert starting.start(here, (), 5, "run-1")["result"]


def test_a_stop_heeds_another_runs_claim(here):
    claimed(here)
    _, refusal = guard.guard(here, None, (), None, "stop", "signal")
    assert refusal["refused"]
    assert "claim" in [one["code"] for one in refusal["reasons"] if one["blocks"]]
    assert here.host.done == []


def test_of_two_claims_at_the_same_moment_one_is_refused(mine, tmp_path, monkeypatch):
    """Between the look for a claim and its writing nobody else writes one."""
    other = claims.Claims(tmp_path, "dhcp-a", FakeClock())
    said = []

    def claim(one, run):
        try:
            one.claim(run, run, 60)
            said.append("claimed")
        except claims.Refused as err:
            said.append(err.code)

    real = claims.write_json
    second = threading.Thread(target=claim, args=(other, "run-2"))

    def slowly(path, data):
        if data.get("run") == "run-1":
            second.start()
            # Held back by the first one's lock; without it, it would be through by now.
            second.join(0.3)
        real(path, data)

    monkeypatch.setattr(claims, "write_json", slowly)
    claim(mine, "run-1")
    second.join(10)
    assert sorted(said) == ["claim", "claimed"]
    assert mine.current["run"] == "run-1"
