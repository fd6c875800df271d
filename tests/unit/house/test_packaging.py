"""
The tree as a Salt extension: setup.cfg names all of it, and the wheel has one name at its top.
"""

from __future__ import annotations

import configparser
import email
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tarfile
import venv
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
def tree(tmp_path_factory):
    """A copy of what git has, or would have: a build leaves files in its tree."""
    tree = tmp_path_factory.mktemp("copy") / "tree"
    listed = ["git", "-C", str(ROOT), "ls-files", "-z"]
    listed += ["--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, check=True, capture_output=True).stdout.decode().split("\0")
    for name in filter(lambda one: one and (ROOT / one).is_file(), names):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes((ROOT / name).read_bytes())
    # The version is a tag's.
    for words in (["init", "-q"], ["add", "-A"], [*WHO, "commit", "-qm", "x"], ["tag", "v1.2.3"]):
        subprocess.run(["git", "-C", str(tree), *words], check=True)
    return tree


WHO = ["-c", "user.name=nobody", "-c", "user.email=nobody@localhost", "-c", "commit.gpgsign=false"]


#: Salt pins an older "packaging" than setuptools needs for licences; setuptools brings its own.
VENDORED = Path(importlib.util.find_spec("setuptools").origin).parent / "_vendor"
BUILDING = {**os.environ, "PYTHONPATH": str(VENDORED)}


def built(tree, folder, version=None):
    """Return a wheel of the tree."""
    environment = dict(BUILDING)
    if version:
        environment["SETUPTOOLS_SCM_PRETEND_VERSION"] = version
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
         "--no-index", "--wheel-dir", str(folder), str(tree)],
        capture_output=True, text=True, check=False, cwd=folder, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (file,) = folder.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def wheel(tree, tmp_path_factory):
    """The wheel, unpacked where nothing else of this tree is."""
    folder = tmp_path_factory.mktemp("wheel")
    with zipfile.ZipFile(built(tree, folder)) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


@pytest.fixture(scope="module")
def metadata(wheel):
    (file,) = wheel.glob("*.dist-info/METADATA")
    return email.message_from_string(file.read_text("utf-8"))


def test_the_wheel_has_one_name_at_its_top(wheel):
    assert [one.name for one in wheel.iterdir() if not one.name.endswith(".dist-info")] == [
        "saltext"
    ]
    assert [one.name for one in (wheel / "saltext").iterdir()] == ["dhcp_failover"]


def test_pip_wants_salt_and_for_omapi_one_library(metadata):
    """pypureomapi 0.8 is the last one for Python 3.10, which Salt 3006 and 3007 bring."""
    wanted = sorted(one.replace("'", '"') for one in metadata.get_all("Requires-Dist"))
    assert wanted == ['pypureomapi>=0.8; extra == "omapi"', "salt>=3006"]


def test_who_looks_it_up_learns_what_it_is(metadata, wheel):
    assert metadata["Version"] == "1.2.3", "the newest tag's"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Author"] and metadata["Requires-Python"] == ">=3.10"
    assert {"LICENSE", "NOTICE"} == set(metadata.get_all("License-File"))
    assert "Operating System :: POSIX :: Linux" in metadata.get_all("Classifier")
    # An index shows no files of the tree: no picture that is only there.
    assert metadata["Description-Content-Type"] == "text/markdown"


def test_the_sdist_is_whole_and_makes_the_same_wheel(tree, wheel, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", SDIST, str(tmp_path)],
        cwd=tree, capture_output=True, text=True, check=False, env=BUILDING,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (file,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(file) as archive:
        archive.extractall(tmp_path)
    (unpacked,) = (path for path in tmp_path.iterdir() if path.is_dir())
    for name in (
        "CHANGELOG.md",
        "NOTICE",
        "docs/tutorial.md",
        "tests/integration/conftest.py",
        "monitoring",
    ):
        assert (unpacked / name).exists(), name
    (tmp_path / "wheel").mkdir()
    with zipfile.ZipFile(built(unpacked, tmp_path / "wheel")) as archive:
        names = {name for name in archive.namelist() if ".dist-info" not in name}
    there = {str(path.relative_to(wheel)) for path in wheel.rglob("*") if path.is_file()}
    assert names == {name for name in there if ".dist-info" not in name}


SDIST = """
import sys
from setuptools import build_meta
build_meta.build_sdist(sys.argv[1])
"""


def test_an_upgrade_leaves_nothing_of_the_old_one_and_a_removal_nothing_at_all(tree, tmp_path):
    python = tmp_path / "venv" / "bin" / "python"
    venv.create(tmp_path / "venv", with_pip=True, symlinks=True)

    def pip(*words):
        argv = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet", *words]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 0, done.stderr

    (site,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    before = {path for path in site.rglob("*") if "__pycache__" not in path.parts}
    old = tmp_path / "old"
    shutil.copytree(tree, old)
    (old / "_modules" / "dhcpd_of_old.py").write_text("# gone in the next one\n")
    for folder, version in ((old, "1.2.3"), (tree, "1.3.0")):
        (tmp_path / version).mkdir()
        wheel = built(folder, tmp_path / version, version)
        pip("install", "--no-deps", "--no-index", str(wheel))
        left = list(site.rglob("dhcpd_of_old.py"))
        assert bool(left) == (version == "1.2.3"), left
    pip("uninstall", "--yes", "saltext-dhcp-failover")
    after = {path for path in site.rglob("*") if "__pycache__" not in path.parts}
    assert {path for path in after - before if path.is_file()} == set()


def test_orchestrations_of_the_wheel_are_reached_by_the_line_that_the_readme_gives(wheel, tmp_path):
    readme = (ROOT / "README.md").read_text("utf-8")
    assert FOLDER in readme
    folder = subprocess.run(
        [sys.executable, "-c", FOLDER.partition('"')[2].rpartition('"')[0]],
        capture_output=True, text=True, check=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(wheel)},
    ).stdout.strip()  # fmt: skip
    assert folder.startswith(str(wheel))
    for name in ("restart", "rollout", "reboot", "fleet"):
        assert Path(folder, "orch", f"dhcp_failover_{name}.sls").is_file()
    assert list(Path(folder, "reactor").glob("*.sls"))


FOLDER = 'python3 -c "import saltext.dhcp_failover as it; print(*it.__path__)"'


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
