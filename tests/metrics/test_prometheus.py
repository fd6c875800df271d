"""
From a real pair through node_exporter into Prometheus, with the rules that users get.

The minions' own schedules write the metrics. Only the rules' patience (``for:``) is shortened:
that it is kept is what ``promtool test rules`` shows, in its own time.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import urllib.request

import pytest
import yaml

from lab.dhcp import Dhcp
from lab.dhcp import pair
from lab.isolation import CHECKOUT
from lab.isolation import RUN_DIR
from lab.lab import Lab
from lab.salt import Salt
from lab.waiting import wait_until

pytestmark = pytest.mark.slow

MONITORING = CHECKOUT / "monitoring"
FOLDER = "/var/lib/prometheus/node-exporter"
API = "http://127.0.0.1:9090/api/v1"


def promtool(*arguments):
    assert shutil.which("promtool"), "run lab/setup --metrics"
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_rules_are_good_and_their_own_tests_pass():
    assert "SUCCESS" in promtool("check", "rules", str(MONITORING / "dhcpd.rules.yml"))
    assert "SUCCESS" in promtool("test", "rules", str(MONITORING / "dhcpd.rules.test.yml"))


def test_each_alert_is_shown_to_fire():
    alerts = re.findall(r"- alert: (\w+)", (MONITORING / "dhcpd.rules.yml").read_text())
    tests = yaml.safe_load((MONITORING / "dhcpd.rules.test.yml").read_text())["tests"]
    fire = {
        one["alertname"]
        for test in tests
        for one in test.get("alert_rule_test", ())
        if one.get("exp_alerts")
    }
    for test in tests:
        for one in test.get("promql_expr_test", ()):
            if one["exp_samples"]:
                fire |= set(re.findall(r'alertname="(\w+)"', one["expr"]))
    assert alerts and fire == set(alerts)


def dashboard_queries():
    """Each panel's title and what it asks, with every relationship chosen, as Grafana says it."""
    dashboard = json.loads((MONITORING / "dhcpd.dashboard.json").read_text())
    return [
        (panel["title"], target["expr"].replace("$relationship", "(bar|foo)"))
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
    ]


def variable_values():
    """What the dashboard's variables offer, by name."""
    dashboard = json.loads((MONITORING / "dhcpd.dashboard.json").read_text())
    found = {}
    for one in dashboard["templating"]["list"]:
        if one["type"] == "query":
            asked = re.fullmatch(r"label_values\((\w+), (\w+)\)", one["query"]["query"])
            metric, label = asked.groups()
            match = urllib.request.quote("match[]") + "=" + metric
            found[one["name"]] = api(f"label/{label}/values?{match}")
    return found


def test_the_dashboard_asks_for_metrics_that_there_are():
    dashboard = json.loads((MONITORING / "dhcpd.dashboard.json").read_text())
    asked = set(re.findall(r"\bdhcpd_\w+", json.dumps(dashboard)))
    known = set(
        re.findall(r'"(dhcpd_\w+)":', (CHECKOUT / "_utils/iscdhcp/facts/metrics.py").read_text())
    )
    assert asked and asked <= known
    rules = set(re.findall(r"\bdhcpd_\w+", (MONITORING / "dhcpd.rules.yml").read_text()))
    assert rules <= known


@pytest.fixture
def processes():
    started = []
    yield started
    for process in started:
        process.kill()
        process.wait()


def api(path):
    with urllib.request.urlopen(f"{API}/{path}", timeout=10) as answer:
        return json.load(answer)["data"]


def firing():
    """The alerts that fire: (name, instance)."""
    return {
        (one["labels"]["alertname"], one["labels"].get("instance"))
        for one in api("alerts")["alerts"]
        if one["state"] == "firing"
    }


def value(query):
    found = api(f"query?query={urllib.request.quote(query)}")["result"]
    return {one["metric"].get("instance"): float(one["value"][1]) for one in found}


def servers(query):
    """The servers in an answer; both where the query sums over them and there is one."""
    found = api(f"query?query={urllib.request.quote(query)}")["result"]
    names = [one["metric"].get("instance") for one in found]
    return ["dhcp-a", "dhcp-b"] if names and set(names) == {None} else sorted(set(names))


def test_a_server_that_ends_raises_the_alerts_and_its_return_ends_them(processes):
    with Lab(["dhcp-a", "dhcp-b"]) as lab:
        dhcp = Dhcp(lab.hosts, pair())
        dhcp.install()
        with Salt(lab) as salt:
            salt.sync_all()
            for host in lab.hosts.values():
                host.run(["mkdir", "-p", FOLDER])
                exporter = ["prometheus-node-exporter", "--collector.disable-defaults"]
                exporter += ["--collector.textfile", f"--collector.textfile.directory={FOLDER}"]
                processes.append(host.popen(exporter, stderr=subprocess.DEVNULL))
            added = salt.salt(
                "*",
                "schedule.add",
                "dhcpd_metrics",
                "function=dhcpd.write_metrics",
                f"job_args=['{FOLDER}/dhcpd.prom']",
                "seconds=2",
                "return_job=False",
            )
            assert added.returncode == 0, added.stdout + added.stderr
            processes.append(start_prometheus(lab))
            wait_until(up, "Prometheus answers", 30.0)
            wait_until(
                lambda: value("dhcpd_failover_state") == {"dhcp-a": 2.0, "dhcp-b": 2.0},
                "both are normal in Prometheus",
                60.0,
            )
            assert value("node_textfile_scrape_error") == {"dhcp-a": 0.0, "dhcp-b": 0.0}
            assert len(value("dhcpd_lease_file_bytes")) == 2
            assert value("sum by (instance) (dhcpd_leases)") == value("dhcpd_pool_addresses")
            assert firing() == set()
            assert variable_values() == {"relationship": ["foo"]}
            queries = dashboard_queries()
            assert not [one for one in queries if "$" in one[1]]
            wait_until(
                lambda: all({"dhcp-a", "dhcp-b"} <= set(servers(query)) for _, query in queries),
                lambda: f"each panel shows both: {[(t, servers(q)) for t, q in queries]}",
                30.0,
            )
            # Both partners count the same leases.
            (leases,) = (query for title, query in queries if title == "Leases by state")
            total = value(f"sum({leases})")
            assert list(total.values()) == [value("max(dhcpd_pool_addresses)")[None]] == [4096.0]
            # A rule about a metric that nobody has would never fire, and nobody would notice.
            (group,) = api("rules")["groups"]
            assert {one["health"] for one in group["rules"]} == {"ok"}
            for rule in group["rules"]:
                for metric in re.findall(r"\bdhcpd_\w+", rule["query"]):
                    assert set(value(metric)) == {"dhcp-a", "dhcp-b"}, (rule["name"], metric)
            dhcp.kill("dhcp-b")
            wanted = {("DhcpdDown", "dhcp-b"), ("DhcpFailoverNotNormal", "dhcp-a")}
            wait_until(lambda: wanted <= firing(), lambda: f"alerts: {firing()}", 60.0)
            assert "DhcpFailoverNobodyServes" not in {name for name, _ in firing()}
            dhcp.start("dhcp-b")
            dhcp.wait_normal()
            wait_until(lambda: firing() == set(), lambda: f"alerts: {firing()}", 60.0)


def up():
    try:
        return bool(api("alerts") is not None)
    except OSError:
        return False


def start_prometheus(lab):
    folder = RUN_DIR / "prometheus"
    folder.mkdir()
    rules = (MONITORING / "dhcpd.rules.yml").read_text()
    (folder / "dhcpd.rules.yml").write_text(re.sub(r"\bfor: \w+", "for: 2s", rules))
    targets = [
        {"targets": [f"{host.address}:9100"], "labels": {"instance": name}}
        for name, host in lab.hosts.items()
    ]
    (folder / "prometheus.yml").write_text(
        json.dumps(
            {
                "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                "rule_files": ["dhcpd.rules.yml"],
                "scrape_configs": [{"job_name": "dhcpd", "static_configs": targets}],
            }
        )
    )
    argv = ["prometheus", f"--config.file={folder}/prometheus.yml"]
    argv += [f"--storage.tsdb.path={folder}/data", "--web.listen-address=127.0.0.1:9090"]
    return subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
