"""Candidates beside real files: checked as one configuration, put in place, taken back."""

from __future__ import annotations

import os

import pytest
from iscdhcp import files
from iscdhcp.act import stage as act_stage
from iscdhcp.act.stage import Stage
from iscdhcp.conf import candidates
from iscdhcp.conf import masking
from iscdhcp.errors import StagingError
from iscdhcp.rules.origins import check_origins

MAIN = 'include "{folder}/pools.conf";\ndefault-lease-time 600;\n'
POOLS = "subnet 10.0.0.0 netmask 255.255.255.0 {\n  range 10.0.0.10 10.0.0.20;\n}\n"


@pytest.fixture
def main(tmp_path):
    (tmp_path / "pools.conf").write_text(POOLS)
    path = tmp_path / "dhcpd.conf"
    path.write_text(MAIN.format(folder=tmp_path))
    path.chmod(0o640)
    return str(path)


@pytest.fixture
def pools(main):
    return os.path.join(os.path.dirname(main), "pools.conf")


@pytest.fixture
def stage(tmp_path):
    (tmp_path / "state").mkdir()
    return Stage(tmp_path / "state")


def candidate(target, text):
    path = act_stage.candidate_beside(target)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def listing(main):
    return sorted(os.listdir(os.path.dirname(main)))


def accept(path):
    return None


# -- checked together ----------------------------------------------------------------------------


def test_an_included_file_is_checked_through_the_main_file(main, pools):
    before = listing(main)
    seen = []
    new = candidate(pools, POOLS.replace(".20;", ".30;"))
    candidates.check(main, {pools: new}, lambda path: seen.append(text(path)) or None, [])
    assert os.path.basename(new) in seen[0]
    os.unlink(new)
    assert listing(main) == before, "the copies are gone"


def test_main_file_and_include_are_checked_as_one_configuration(main, pools, tmp_path):
    more = str(tmp_path / "more.conf")
    news = {
        main: candidate(main, MAIN.format(folder=tmp_path) + f'include "{more}";\n'),
        more: candidate(more, "max-lease-time 900;\n"),
    }
    found, _ = candidates.check(main, news, accept)
    assert len(found.files) == 3
    assert candidates.files_of(main, news) == [main, pools, more]


def test_an_error_names_the_real_file_and_its_line(main, pools):
    new = candidate(pools, POOLS + "subnet 10.0.1.0 netmask 255.255.255.0 {\n")
    with pytest.raises(StagingError) as refused:
        candidates.check(main, {pools: new}, accept)
    assert str(refused.value).startswith(f"{pools}:4: ")


def test_what_dhcpd_says_of_a_candidate_names_the_real_file_too(main, pools):
    new = candidate(pools, POOLS)

    def complain(path):
        return f"{new} line 3: semicolon expected."

    with pytest.raises(StagingError, match=rf"^{pools}:3: semicolon expected"):
        candidates.check(main, {pools: new}, complain)


def test_comments_and_strings_are_no_includes():
    text = '# include "a";\nlog "include \\"b\\"";\noption include "c";'
    assert list(candidates.includes(text)) == []
    names = [name for _, _, name in candidates.includes('include"x";if 1 = 1 { INCLUDE "y" ; }')]
    assert names == ["x", "y"]


@pytest.mark.parametrize(
    "new, same",
    [
        ("# another comment\n" + POOLS, True),
        (POOLS.replace("\n", "\n\n"), True),
        (POOLS.replace(".20;", ".30;"), False),
    ],
)
def test_only_what_matters_is_a_change_of_meaning(main, pools, new, same):
    told = candidates.meaning(main, {pools: candidate(pools, new)})
    assert (told == candidates.meaning(main)) is same


# -- shown ---------------------------------------------------------------------------------------


def test_a_diff_shows_that_a_secret_has_changed_and_never_the_secret():
    old = 'key "omapi-7f3c" { algorithm hmac-md5; secret "T2xkT2xk"; }\nomapi-key omapi-7f3c;\n'
    shown = masking.difference(old, old.replace("T2xkT2xk", "TmV3TmV3"), "dhcpd.conf")
    assert "-key (key 1, masked) { algorithm hmac-md5; secret (secret 2, masked); }" in shown
    assert "+key (key 1, masked) { algorithm hmac-md5; secret (secret 3, masked); }" in shown
    for word in ("omapi-7f3c", "T2xkT2xk", "TmV3TmV3"):
        assert word not in shown


# -- where files come from -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "origins",
    [
        {"source": "salt://dhcp/{{ minion }}.conf"},
        {"sls": ["dhcp.config", "dhcp.pools"]},
        {"file": {"/etc/dhcp/dhcpd.conf": "/srv/new.conf"}},
    ],
)
def test_names_of_files_are_taken(origins):
    check_origins(origins)


@pytest.mark.parametrize(
    "origins",
    [
        {},
        {"source": "salt://a", "sls": "b"},
        {"source": 'key "geheim" { secret "geheim"; }'},
        {"file": {"/etc/dhcp/dhcpd.conf": "default-lease-time 5;\n"}},
    ],
)
def test_contents_and_riddles_are_refused_and_not_repeated(origins):
    with pytest.raises(StagingError) as refused:
        check_origins(origins)
    assert "geheim" not in str(refused.value)


# -- in place and back ---------------------------------------------------------------------------


def staged(stage, main, text, run="run-1", proved=False):
    return stage.keep(run, main, {main: candidate(main, text)}, proved)


def test_a_staged_file_changes_nothing_until_it_is_applied(stage, main):
    old = text(main)
    staged(stage, main, "default-lease-time 5;\n")
    assert text(main) == old
    assert stage.apply("run-1") == [main]
    assert text(main) == "default-lease-time 5;\n"
    assert os.stat(main).st_mode & 0o777 == 0o640
    assert not os.path.exists(main + act_stage.STAGED)
    backup = stage.record["files"][main]["backup"]
    assert text(backup) == old
    assert os.stat(backup).st_mode & 0o777 == 0o640


def test_applying_twice_changes_nothing_the_second_time(stage, main):
    staged(stage, main, "default-lease-time 5;\n")
    stage.apply("run-1")
    before = listing(main)
    assert stage.apply("run-1") == []
    assert listing(main) == before


def test_rolling_back_brings_old_files_back_and_removes_new_ones(stage, main, tmp_path):
    old = text(main)
    more = str(tmp_path / "more.conf")
    stage.keep(
        "run-1",
        main,
        {main: candidate(main, f'include "{more}";\n'), more: candidate(more, "\n")},
        False,
    )
    assert stage.apply("run-1") == [main, more]
    assert stage.roll_back("run-1") == [main, more]
    assert text(main) == old
    assert not os.path.exists(more)
    assert stage.roll_back("run-1") == []
    assert stage.record["state"] == "rolled-back"


def test_a_rollout_that_was_never_proved_does_not_become_the_old_configuration(stage, main):
    old = text(main)
    staged(stage, main, "default-lease-time 5;\n")
    stage.apply("run-1")
    staged(stage, main, "default-lease-time 6;\n", run="run-2")
    stage.apply("run-2")
    assert text(main) == "default-lease-time 6;\n"
    stage.roll_back("run-2")
    assert text(main) == old


def test_a_proved_rollout_is_what_the_next_one_goes_back_to(stage, main):
    staged(stage, main, "default-lease-time 5;\n")
    stage.apply("run-1")
    staged(stage, main, "default-lease-time 6;\n", run="run-2", proved=True)
    stage.apply("run-2")
    stage.roll_back("run-2")
    assert text(main) == "default-lease-time 5;\n"


def test_what_a_server_was_holds_until_its_new_files_are_proved(stage, main):
    for number, proved, peers in ((5, False, "old"), (6, False, "new"), (7, True, "newer")):
        news = {main: candidate(main, f"default-lease-time {number};\n")}
        stage.keep(f"run-{number}", main, news, proved, {"relationships": {peers: {}}})
        stage.apply(f"run-{number}")
        known = stage.record["peers"]["relationships"]
        assert known == ({"newer": {}} if proved else {"old": {}})
    assert not stage.record.get("proved")
    stage.prove()
    assert stage.record["proved"]


def test_an_interrupted_apply_goes_on(stage, main, pools, monkeypatch):
    old = {main: text(main), pools: text(pools)}
    news = {main: candidate(main, MAIN.format(folder="/x")), pools: candidate(pools, "\n")}
    stage.keep("run-1", main, news, False)
    copy = files.copy

    def dies(source, target, like=None):
        if target == pools:
            raise KeyboardInterrupt
        copy(source, target, like)

    monkeypatch.setattr(act_stage, "copy", dies)
    monkeypatch.setattr(files, "copy", dies)
    with pytest.raises(KeyboardInterrupt):
        stage.apply("run-1")
    monkeypatch.setattr(act_stage, "copy", copy)
    monkeypatch.setattr(files, "copy", copy)
    assert stage.apply("run-1") == [pools]
    stage.roll_back("run-1")
    assert {main: text(main), pools: text(pools)} == old


def test_another_runs_stage_is_not_applied(stage, main):
    staged(stage, main, "default-lease-time 5;\n")
    with pytest.raises(StagingError, match="another run"):
        stage.apply("run-2")


def test_what_is_not_used_is_removed(stage, main):
    before = listing(main)
    staged(stage, main, "default-lease-time 5;\n")
    stage.clear()
    assert listing(main) == before
    assert stage.record is None


def test_a_link_stays_a_link(stage, main, tmp_path):
    link = str(tmp_path / "link.conf")
    os.symlink(main, link)
    stage.keep("run-1", link, {link: candidate(link, "default-lease-time 5;\n")}, False)
    stage.apply("run-1")
    assert os.path.islink(link)
    assert text(main) == "default-lease-time 5;\n"


def test_only_so_many_backups_are_kept(main):
    kept = [act_stage.back_up(main) for _ in range(act_stage.BACKUPS_KEPT + 5)]
    there = {path for path in kept if os.path.exists(path)}
    assert len(there) == act_stage.BACKUPS_KEPT
    assert kept[-1] in there
