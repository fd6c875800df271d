"""The words that are known, where they are documented, and what is said about any other."""

from __future__ import annotations

import importlib.util
import inspect
import re
from pathlib import Path

import pytest
from iscdhcp import vocabulary
from iscdhcp.errors import IscDhcpError

ROOT = Path(__file__).resolve().parents[2]
#: Root keys of the public formula ``dhcpd``, in both of its spellings.
FORMULA = (
    "lookup listen_interfaces domain_name domain-name domain_name_servers domain-name-servers "
    "subnet_mask routers domain_search default_lease_time default-lease-time max_lease_time "
    "one_lease_per_client get_lease_hostnames server_identifier server_name use_host_decl_names "
    "allow deny ddns_update_style ddns_domainname update_static_leases authoritative log_facility "
    "log-facility classes failover_peers keys zones subnets hosts shared_networks shared-networks "
    "customized_options ldap_server ldap_port ldap_method omapi_port omapi_key service_config "
    "config server enable"
).split()


def loaded(folder, file="dhcp_failover"):
    """A file that Salt loads, as Salt sees it."""
    path = ROOT / folder / f"{file}.py"
    spec = importlib.util.spec_from_file_location(f"{folder}_{file}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.__context__ = {}
    return module


def functions(folder):
    for path in sorted((ROOT / folder).glob("dhcp_failover*.py")):
        module = loaded(folder, path.stem)
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if not name.startswith("_"):
                yield pytest.param(module, function, id=f"{folder}.{name}")


@pytest.mark.parametrize("task", vocabulary.ORCHESTRATIONS)
def test_the_head_of_an_orchestration_names_each_of_its_words(task):
    text = (ROOT / "orch" / f"dhcp_failover_{task}.sls").read_text(encoding="utf-8")
    head, body = text.split("#}", 1)
    for word in vocabulary.ORCHESTRATIONS[task]:
        assert re.search(rf"\b{word}\b", head), word
        assert f'"{word}"' in body, word
    assert not re.search(r"\bpillar\b", body), "the master's own pillar is not read"


def test_settings_are_documented_where_they_are_read():
    runner = (ROOT / "_runners/dhcp_failover.py").read_text(encoding="utf-8").split('"""')[1]
    assert set(vocabulary.MASTER_SETTINGS) == set(re.findall(r"^      (\w+):", runner, re.M))
    minion = (ROOT / "_modules/dhcpd.py").read_text(encoding="utf-8").split('"""')[1]
    assert set(vocabulary.MINION_SETTINGS) == set(re.findall(r"^      (\w+):", minion, re.M))


@pytest.mark.parametrize("module, function", [*functions("_runners"), *functions("_states")])
def test_each_function_refuses_a_word_that_it_does_not_know(module, function):
    keywords = [one.kind for one in inspect.signature(function).parameters.values()]
    assert inspect.Parameter.VAR_KEYWORD in keywords
    state = {"name": "x"} if "states" in str(module) else {}
    answer = function(**state, __pub_jid="1", methd="drain")
    assert answer["result"] is False
    assert "does not know" in answer["comment"] and "methd" in answer["comment"]
    assert "__pub_jid" not in answer["comment"]
    if not state:
        assert module.__context__["retcode"] == 1
    assert inspect.getdoc(function)


def test_a_call_that_fits_is_let_through():
    module = loaded("_runners", "dhcp_failover_runs")
    module.__opts__ = {}
    assert "Say which server is dead" in module.partner_down(__pub_user="ann")["comment"]
    assert "dead" in inspect.signature(module.partner_down).parameters


@pytest.mark.parametrize(
    "task, given, told",
    [
        ("restart", ["pair", "test"], "test=True"),
        ("restart", ["tset"], "test=True"),
        ("restart", ["pairs"], "pairs (did you mean pair?)"),
        ("rollout", ["methd", "colour"], "methd (did you mean method?), colour"),
        ("rollout", ["contents"], "Contents"),
        ("reboot", ["host-timeout"], "did you mean host_timeout?"),
        ("restart", ["command"], "command"),
        ("restart", [7], "7"),
    ],
)
def test_a_word_in_the_pillar_that_is_not_known_is_named(task, given, told):
    with pytest.raises(IscDhcpError) as refused:
        vocabulary.check_pillar(task, given)
    assert told in str(refused.value)
    assert str(refused.value).endswith("Nothing was touched.")


@pytest.mark.parametrize("task", vocabulary.ORCHESTRATIONS)
def test_what_is_known_is_let_through(task):
    vocabulary.check_pillar(task, vocabulary.ORCHESTRATIONS[task])
    vocabulary.check_pillar(task, [])


def test_the_masters_settings_are_known_words_only():
    assert vocabulary.check_master_settings(None) == {}
    assert vocabulary.check_master_settings({"order": "primary-first"})
    with pytest.raises(IscDhcpError, match=r"ordr \(did you mean order\?\)"):
        vocabulary.check_master_settings({"ordr": "primary-first"})
    with pytest.raises(IscDhcpError, match="dictionary"):
        vocabulary.check_master_settings("secondary-first")


def test_what_others_have_under_the_minions_key_is_left_alone():
    vocabulary.check_minion_settings(dict.fromkeys([*FORMULA, *vocabulary.MINION_SETTINGS, 7]))


@pytest.mark.parametrize(
    "slip, likely",
    [
        ("leases_file", "lease_file"),
        ("lease-file", "lease_file"),
        ("conf_file", "config_file"),
        ("omapi_hosts", "omapi_host"),
        ("log_file", "log_files"),
        ("Service", "service"),
    ],
)
def test_a_slip_of_a_minions_setting_is_named_with_what_is_meant(slip, likely):
    with pytest.raises(IscDhcpError) as refused:
        vocabulary.check_minion_settings({slip: "x", "subnets": {}})
    assert slip in str(refused.value) and likely in str(refused.value)


@pytest.mark.parametrize("value", ["no", "false", "maybe", "", 2, [], {}])
def test_a_string_is_no_yes(value):
    with pytest.raises(IscDhcpError, match="True or False"):
        vocabulary.truth("fresh", value)


@pytest.mark.parametrize("value, is_true", [(True, True), (1, True), (None, False), (0, False)])
def test_a_yes_is_a_yes(value, is_true):
    assert vocabulary.truth("fresh", value) is is_true


@pytest.mark.parametrize("value", [True, "nan", "inf", -1, "soon", []])
def test_seconds_are_a_number_that_can_pass(value):
    with pytest.raises(IscDhcpError, match="seconds"):
        vocabulary.seconds("timeout", value)


@pytest.mark.parametrize("value", [True, 7, {"a": 1}, [7]])
def test_words_are_a_list_of_words(value):
    with pytest.raises(IscDhcpError, match="order: give words"):
        vocabulary.listed("order", value)


@pytest.mark.parametrize("value", [True, {"a": 1}, ["foo"]])
def test_a_name_is_a_name(value):
    with pytest.raises(IscDhcpError, match="pair"):
        vocabulary.text("pair", value)
