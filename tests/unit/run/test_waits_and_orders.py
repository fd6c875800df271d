"""What a run holds on to while it waits, and what its orders say."""

from __future__ import annotations

from fake_minions import go
from iscdhcp.run.base import CLAIM_SECONDS
from pair_facts import NOW


def test_an_order_names_the_process_that_is_meant(minions, run):
    told = {}

    def restart(minion):
        told[minion] = minions.arguments["identity"]
        return minions.new_process(minion)

    minions.on_restart = restart
    go(run())
    assert told == {"dhcp-b": "dhcp-b-1", "dhcp-a": "dhcp-a-1"}


def test_states_that_change_between_two_looks_are_not_normal_yet(minions, run):
    looks = []

    def unsteady(minions):
        looks.append(minions.clock.time())
        for facts in minions.servers.values():
            facts["steady"] = not minions.acts or len(looks) > 12

    minions.on_status = unsteady
    steps = go(run())
    assert [step.result for step in steps] == [True] * 6
    assert len(looks) > 12


def test_a_long_wait_keeps_the_servers_claimed(minions, run):
    end = minions.servers["dhcp-b"]["relationships"]["foo"]
    claimed = []
    claim = minions.claim

    def noted(servers, mine, facts=False):
        claimed.append(minions.clock.time())
        return claim(servers, mine, facts)

    def recovers(minion):
        done = minions.new_process(minion)
        if minion == "dhcp-b":
            end.update(state="recover-wait", since=minions.clock.time())
            minions.clock.after(3600.0, lambda: end.update(state="normal"))
        return done

    minions.claim, minions.on_restart = noted, recovers
    steps = go(run())
    assert [step.result for step in steps] == [True] * 6, steps[-1].comment
    gaps = [after - before for before, after in zip(claimed, claimed[1:], strict=False)]
    assert len(claimed) > 3600 / CLAIM_SECONDS
    assert max(gaps) < CLAIM_SECONDS


def test_a_claim_that_comes_between_the_preflight_and_the_act_refuses_the_act(minions, run):
    """No matter whose: only a run of this master that has ended is passed over."""
    other = {"run": "x", "who": "bob", "until": NOW + 600, "master": "another"}
    one = run()
    assert one.lock().result and one.preflight().result
    minions.claims["dhcp-b"] = other
    minions.clock.sleep(10)
    step = one.restart(0)
    assert step.result is False and "bob" in step.comment
    assert minions.acts == []
    one.unlock()


def test_a_guard_that_always_finds_the_minion_busy_is_not_asked_forever(minions, run):
    """The look of the master saw nobody at work each time."""
    reason = {"code": "busy", "text": "dhcp-b is busy", "blocks": True}
    refusal = {"result": False, "comment": "busy", "refused": True, "reasons": [reason]}
    minions.restart = lambda *_, **__: refusal
    one = run(busy_timeout=30)
    assert one.lock().result and one.preflight().result
    begun = minions.clock.monotonic()
    step = one.restart(0)
    one.unlock()
    assert step.result is False and "busy" in step.comment
    assert 25 < minions.clock.monotonic() - begun < 60


def test_what_was_seen_of_the_partner_is_seen_anew_three_times_if_it_is_too_old(minions, run):
    """A slow host is no reason to end a run; one that is always too slow is."""
    text = "what the master saw of dhcp-a is 12 s old (at most 10)"
    reason = {"code": "partner-old", "text": text, "blocks": True}
    asked = []

    def too_late(*_, **__):
        asked.append(minions.clock.time())
        return {"result": False, "comment": f"{text}.", "refused": True, "reasons": [reason]}

    minions.restart = too_late
    one = run()
    assert one.lock().result and one.preflight().result
    step = one.restart(0)
    one.unlock()
    assert step.result is False and "12 s old" in step.comment
    assert len(asked) == 4
