"""
The tree as a Salt extension: setup.cfg names all of it, and the wheel has one name at its top.
"""

from __future__ import annotations

import configparser
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
NAME = "saltext.dhcp_failover"

LOADED = """
import json, sys
import salt.config, salt.loader
opts = salt.config.minion_config(None)
master = salt.config.master_config(None)
for one in (opts, master):
    one.update(cachedir=sys.argv[1], extension_modules=sys.argv[1] + "/extmods", id="here")
opts["grains"] = {"id": "here"}
modules = salt.loader.minion_mods(opts)
of_master = {**opts, "conf_file": "/etc/salt/master"}
found = {
    "modules": list(modules),
    "states": [
        name
        for one in (opts, of_master)
        for name in salt.loader.states(one, modules, {}, None)
    ],
    "runners": list(salt.loader.runner(master)),
    "beacons": list(salt.loader.beacons(opts, modules)),
    "outputters": list(salt.loader.outputters(opts)),
    "from": __import__("iscdhcp").__file__,
}
print(json.dumps(found))
"""


def setup():
    found = configparser.ConfigParser(delimiters=("=",))
    found.read(ROOT / "setup.cfg", encoding="utf-8")
    return found["options"]


def test_every_package_of_the_library_is_installed():
    there = {
        f"{NAME}.utils.{'.'.join(path.parent.relative_to(ROOT / '_utils').parts)}"
        for path in (ROOT / "_utils").rglob("*.py")
    }
    listed = {one for one in setup()["packages"].split() if one.startswith(f"{NAME}.utils.")}
    assert listed == there
    assert not list((ROOT / "_utils").glob("*.py")), (
        "a module at the top of _utils is not installed"
    )


def test_every_folder_that_salt_syncs_is_a_package_of_the_extension():
    lines = [line for line in setup()["package_dir"].splitlines() if line]
    places = dict(line.split(" = ") for line in lines)
    synced = {path.name for path in ROOT.glob("_*") if path.is_dir() and any(path.rglob("*.py"))}
    assert synced <= set(places.values())
    listed = {one for one in setup()["packages"].split() if not one.startswith(f"{NAME}.utils.")}
    assert set(places) - {f"{NAME}.utils"} == listed


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, unpacked where nothing else of this tree is."""
    folder = tmp_path_factory.mktemp("wheel")
    tree = folder / "tree"
    # A build leaves files in the tree that it is made of.
    listed = (
        "git",
        "-C",
        str(ROOT),
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    )
    names = subprocess.run(listed, check=True, capture_output=True).stdout.decode().split("\0")
    for name in filter(lambda one: one and (ROOT / one).is_file(), names):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes((ROOT / name).read_bytes())
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
         "--no-index", "--wheel-dir", str(folder), str(tree)],
        capture_output=True, text=True, check=False, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (file,) = folder.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_the_wheel_has_one_name_at_its_top(wheel):
    assert [one.name for one in wheel.iterdir() if not one.name.endswith(".dist-info")] == [
        "saltext"
    ]
    assert [one.name for one in (wheel / "saltext").iterdir()] == ["dhcp_failover"]


def test_pip_wants_nothing_but_for_omapi(wheel):
    """pypureomapi 0.8 is the last one for Python 3.10, which Salt 3006 and 3007 bring."""
    (metadata,) = wheel.glob("*.dist-info/METADATA")
    wanted = [
        line for line in metadata.read_text().splitlines() if line.startswith("Requires-Dist:")
    ]
    assert len(wanted) == 1
    assert 'pypureomapi>=0.8; extra == "omapi"' in wanted[0].replace("'", '"')


def test_salt_finds_everything_in_the_wheel(wheel, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(wheel)}
    done = subprocess.run(
        [sys.executable, "-c", LOADED, str(tmp_path)],
        capture_output=True, text=True, check=False, cwd=tmp_path, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert {"dhcpd.status", "dhcpd.restart", "dhcpd.check_config"} <= set(found["modules"])
    assert {"dhcpd.config", "dhcpd.running", "dhcp_failover.pair_normal"} <= set(found["states"])
    assert {"dhcp_failover.status", "dhcp_failover.restart", "dhcp_failover.pause"} <= set(
        found["runners"]
    )
    assert "dhcp_failover.beacon" in found["beacons"]
    assert "dhcp_failover" in found["outputters"]
    assert found["from"].startswith(str(wheel))
