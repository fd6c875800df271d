"""The catalogue of troubles: all that code tells is in it, all that is in it is told."""

from __future__ import annotations

import ast
import string
from pathlib import Path

import pytest
from iscdhcp.pair.preflight import CODES
from iscdhcp.rules.verdict import Reason
from iscdhcp.rules.verdict import overridden
from iscdhcp.troubles.catalogue import CATALOGUE
from iscdhcp.troubles.catalogue import SECTIONS
from iscdhcp.troubles.force import FORCEABLE
from iscdhcp.troubles.force import UNSEEN
from iscdhcp.troubles.trouble import BAD
from iscdhcp.troubles.trouble import UNPROVED

from docs import troubles as manual

ROOT = Path(__file__).resolve().parents[3]
#: Who makes something of a trouble, with the place of its code among the arguments.
MAKERS = {
    "Reason": 0,
    "Reason.of": 0,
    "Finding": 0,
    "Finding.of": 0,
    "Check.of": 0,
    "Refused": 1,
    "LeasesAtRisk": 1,
    "verdict.Reason.of": 0,
    "says": 0,
    "what_to_do": 0,
}
#: The same in lint, which words its findings where it has the statement.
LINTERS = {"Finding": 1, "at": 2, "finding": (0, 1), "Problem": 0, "_error": 1}
#: Codes that are put together, by the file that does so.
PUT_TOGETHER = {
    "doctor/states.py": {"potential-conflict", "conflict-done"},
    "log/attempts.py": {
        *("start-port", "start-address", "start-twice", "start-interface", "start-subnet"),
        *("start-lease-file", "start-denied", "start-file", "start-apparmor", "start-user"),
        *("start-ipv6", "start-other", "start-name"),
    },
    "facts/survey.py": {"start-no-address"},
    "host/units.py": {
        *("unit-masked", "unit-start-limit", "unit-before-start", "unit-refused"),
    },
    "conf/about_failover.py": {"mclt-on-secondary", "split-on-secondary", "hba-on-secondary"},
    "rules/may_stop.py": {"lease-file-missing", "lease-file-torn", "lease-file-replaced"},
    "pair/cases.py": {"service", "service-half"},
    "pair/preflight.py": {"minion-silent", "not-synced"},
}
#: They override what a rollout finds between two files, which is told with their lines.
OF_ROLLOUTS = {"drift", "mismatch"}


def calls():
    """Every call that tells a trouble by a code that stands there: (file, call, code)."""
    for path in sorted((ROOT / "_utils").rglob("*.py")):
        makers = LINTERS if path.parent.name == "conf" else MAKERS
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            places = makers.get(ast.unparse(node.func))
            for place in (places,) if isinstance(places, int) else places or ():
                code = node.args[place] if len(node.args) > place else None
                if isinstance(code, ast.Constant) and isinstance(code.value, str):
                    yield path.relative_to(ROOT / "_utils/iscdhcp"), node, code.value


CALLS = [
    (path, call, code)
    for path, call, code in calls()
    # Of lint's two shapes of "finding" one has a sentence at the place of the other's code.
    if " " not in code
]


def test_every_code_that_is_told_is_in_the_catalogue():
    told = {code for _, _, code in CALLS}
    assert len(told) > 100
    assert sorted(told - set(CATALOGUE)) == []
    assert sorted(set().union(*PUT_TOGETHER.values()) - set(CATALOGUE)) == []


def test_nothing_in_the_catalogue_is_dead():
    told = {code for _, _, code in CALLS}.union(*PUT_TOGETHER.values())
    assert sorted(set(CATALOGUE) - told) == []


def test_each_code_is_there_once():
    assert sum(map(len, SECTIONS.values())) == len(CATALOGUE)


def fields_of(text):
    return {name for _, name, _, _ in string.Formatter().parse(text or "") if name}


@pytest.mark.parametrize(
    "call, code",
    [
        pytest.param(call, code, id=f"{path}:{call.lineno}")
        for path, call, code in CALLS
        if ast.unparse(call.func).endswith(".of")
        and not any(one.arg in (None, "case") for one in call.keywords)
    ],
)
def test_whoever_tells_a_trouble_says_all_that_its_sentences_name(call, code):
    given = {one.arg for one in call.keywords}
    of = ast.unparse(call.func)
    if of == "Check.of" and len(call.args) > 1 or of == "Finding.of" and len(call.args) > 3:
        given.add("server")
    if of.endswith("Reason.of"):
        given.add("pair")
    trouble = CATALOGUE[code]
    needed = fields_of(trouble.says) | (set() if "step" in given else fields_of(trouble.do))
    assert needed <= given


def test_force_and_checks_are_words_that_there_are():
    words = {one.force for one in CATALOGUE.values()} - {None}
    assert words | OF_ROLLOUTS == set(FORCEABLE)
    assert {one.check for one in CATALOGUE.values()} - {None} <= set(CODES)


def test_no_word_of_force_overrides_both_what_is_bad_and_what_cant_be_proved():
    proofs = {}
    for one in CATALOGUE.values():
        if one.force is not None:
            proofs.setdefault(one.force, set()).add(one.proof)
    assert {word: found for word, found in proofs.items() if len(found) > 1} == {}
    # A word that says "unseen" is for what can't be proved, and has one for what is bad beside it.
    unseen = {word for word in proofs if word.endswith(UNSEEN)}
    assert unseen and all(proofs[word] == {UNPROVED} for word in unseen)
    assert {proofs[word.removesuffix(UNSEEN)] == {BAD} for word in unseen} == {True}


@pytest.mark.parametrize(
    "code", sorted(c for c, one in CATALOGUE.items() if (one.force or "").endswith(UNSEEN))
)
def test_a_script_that_says_the_old_word_is_told_the_new_one(code):
    new = CATALOGUE[code].force
    old = new.removesuffix(UNSEEN)
    reason = Reason(code, "so it is")
    (told,) = overridden([reason], {old})
    assert told.blocks and f"force={new}" in told.text and f"force={old} " in told.text
    (told,) = overridden([reason], {old, new})
    assert not told.blocks and "overridden" in told.text
    assert overridden([reason], {"clock"}) == (reason,)


def test_no_sentence_ends_twice():
    for one in CATALOGUE.values():
        assert one.means.endswith("."), one.code
        assert not (one.says or "").endswith(".") and not one.do.endswith("."), one.code


def test_the_manual_s_page_is_up_to_date():
    """``make docs-troubles`` writes it."""
    assert manual.PAGE.read_text(encoding="utf-8") == manual.page()
