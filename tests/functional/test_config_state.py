"""dhcpd.config on a real file, by Salt's own loader, with dhcpd's own check."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import salt.config
import salt.loader

ROOT = Path(__file__).resolve().parents[2]
GOOD = "default-lease-time 600;\nsubnet 10.9.0.0 netmask 255.255.255.0 { }\n"
NEW = GOOD.replace("600", "900")
KEY = 'key "name-of-it" { algorithm hmac-md5; secret "c2VjcmV0c2VjcmV0"; }\n'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("minion")


@pytest.fixture
def conf(folder):
    path = folder / "etc" / "dhcpd.conf"
    path.parent.mkdir()
    path.write_text(GOOD)
    path.chmod(0o640)
    yield path
    shutil.rmtree(path.parent)


@pytest.fixture(scope="module")
def minion(folder):
    """The minion's states and functions as Salt loads them; what is there is put together once."""
    folders = folder / "modules"
    folders.mkdir()
    for name in ("modules", "states", "utils"):
        (folders / name).symlink_to(ROOT / f"_{name}")
    opts = salt.config.DEFAULT_MINION_OPTS.copy()
    opts.update(
        id="dhcp-a",
        file_client="local",
        root_dir=str(folder / "root"),
        cachedir=str(folder / "cache"),
        pki_dir=str(folder / "pki"),
        conf_file=str(folder / "minion"),
        file_roots={"base": [str(folder / "srv")]},
        module_dirs=[str(folders)],
        dhcpd={"config_file": str(folder / "etc" / "dhcpd.conf")},
        grains={"os": "Debian", "os_family": "Debian", "kernel": "Linux"},
        pillar={"dhcp": {"conf": NEW}},
        test=False,
        __role="minion",
    )
    (folder / "srv").mkdir()
    utils = salt.loader.utils(opts)
    functions = salt.loader.minion_mods(opts, utils=utils)
    states = salt.loader.states(opts, functions, utils, salt.loader.serializers(opts))
    states.inject_globals = {"__env__": "base", "__instance_id__": "test"}
    return states


def config(minion, conf, test=False, **managed):
    minion.opts["test"] = test
    return minion["dhcpd.config"](str(conf), **managed)


def others(conf):
    return sorted(name for name in os.listdir(conf.parent) if name != conf.name)


def test_the_file_is_replaced_once_and_the_old_one_is_kept(minion, conf, folder):
    (folder / "srv" / "new.conf").write_text("default-lease-time {{ seconds }};\n" + GOOD[24:])
    wanted = {"source": "salt://new.conf", "template": "jinja", "context": {"seconds": 900}}
    dry = config(minion, conf, test=True, **wanted)
    assert dry["result"] is None, dry
    assert "-default-lease-time 600;\n+default-lease-time 900;" in dry["changes"]["diff"]
    assert conf.read_text() == GOOD
    assert others(conf) == []

    done = config(minion, conf, **wanted)
    assert done["result"] is True, done
    assert done["changes"] == dry["changes"]
    assert conf.read_text() == NEW
    assert conf.stat().st_mode & 0o777 == 0o640
    (backup,) = others(conf)
    assert (conf.parent / backup).read_text() == GOOD

    again = config(minion, conf, **wanted)
    assert (again["result"], again["changes"]) == (True, {}), again
    assert others(conf) == [backup]


@pytest.mark.parametrize(
    "managed", [{"contents": NEW}, {"contents_pillar": "dhcp:conf"}, {"contents": NEW.split("\n")}]
)
def test_contents_come_from_where_file_managed_takes_them(minion, conf, managed):
    assert config(minion, conf, mode="0644", **managed)["result"] is True
    assert conf.read_text().strip() == NEW.strip()
    assert conf.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    "managed, words",
    [
        ({"contents": GOOD + "no-such-statement 5;\n"}, ":3: "),
        ({"contents": GOOD + "subnet 10.8.0.0 netmask 255.255.255.0 {\n"}, ":3: "),
        ({"contents": "{{ nonsense", "template": "jinja"}, "template"),
        ({"source": "salt://missing.conf"}, "missing.conf"),
        ({}, "give the contents by one of source, contents"),
    ],
)
def test_what_is_bad_is_one_sentence_and_changes_nothing(minion, conf, managed, words):
    for test in (True, False):
        bad = config(minion, conf, test=test, **managed)
        assert bad["result"] is False
        assert bad["changes"] == {}
        assert words in bad["comment"]
        assert "\n" not in bad["comment"]
        assert "candidate" not in bad["comment"]
    assert conf.read_text() == GOOD
    assert others(conf) == []


def test_no_key_is_shown(minion, conf):
    done = config(minion, conf, contents=KEY + GOOD)
    assert done["result"] is True, done
    changed = config(minion, conf, contents=KEY.replace("c2VjcmV0", "b3RoZXJv") + GOOD)
    assert "masked" in changed["changes"]["diff"]
    broken = config(minion, conf, contents=KEY.replace("algorithm", "algorythm") + GOOD)
    assert broken["result"] is False
    for word in ("name-of-it", "c2VjcmV0c2VjcmV0", "b3RoZXJvb3RoZXJv"):
        assert word not in repr((done, changed, broken))


def test_an_included_file_is_checked_through_the_main_file(minion, conf):
    pools = conf.parent / "pools.conf"
    pools.write_text("subnet 10.7.0.0 netmask 255.255.255.0 { }\n")
    conf.write_text(GOOD + f'include "{pools}";\n')
    twice = "subnet 10.9.0.0 netmask 255.255.255.0 {\n  range 10.9.0.1 10.8.0.1;\n}\n"
    bad = config(minion, pools, contents=twice)
    assert bad["result"] is False
    assert str(pools) in bad["comment"]
    assert config(minion, pools, contents="# none\n")["result"] is True


def test_a_file_that_nothing_includes_yet_is_taken_and_it_is_said(minion, conf):
    new = conf.parent / "new.conf"
    done = config(minion, new, contents="subnet 10.7.0.0 netmask 255.255.255.0 { }")
    assert done["result"] is True, done
    assert "does not include it" in done["comment"]


def test_a_missing_folder_is_made_if_wanted_and_not_kept_for_a_bad_file(minion, conf):
    path = conf.parent / "conf.d" / "site" / "pools.conf"
    pools = "subnet 10.7.0.0 netmask 255.255.255.0 { }\n"
    refused = config(minion, path, contents=pools)
    assert refused["result"] is False and "there is no folder" in refused["comment"]
    dry = config(minion, path, test=True, contents=pools, makedirs=True)
    assert dry["result"] is None and str(path.parent) in dry["changes"], dry
    bad = config(minion, path, contents=pools + "}", makedirs=True)
    assert bad["result"] is False and not (conf.parent / "conf.d").exists(), bad
    done = config(minion, path, contents=pools, makedirs=True, dir_mode="0750")
    assert done["result"] is True, done
    assert path.read_text() == pools
    assert path.parent.stat().st_mode & 0o777 == 0o750
