#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""test_install.py BUILD - `meson install` into an empty directory: what is there, and that it fits
together."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import traceback

BUILD = pathlib.Path(sys.argv[1]).resolve()
ROOT = pathlib.Path(__file__).resolve().parents[3]


class Skip(Exception):
    pass


def run(*args, **more):
    return subprocess.run(args, capture_output=True, text=True, check=False, **more)


def install(target):
    got = run("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", target)
    assert got.returncode == 0, got.stdout + got.stderr


def find(target, name):
    found = [path for path in target.rglob(name) if path.is_file()]
    assert found, f"{name} is not installed"
    return found[0]


def test_all_is_there(target):
    for name in ["recadod", "recadoctl", "recado.service", "recadod.8", "recadoctl.8",
                 "recado.conf.5", "_recadoctl", "recadoctl.fish"]:
        find(target, name)
    assert (target / "etc/recado/recado.conf").is_file()
    assert (target / "etc/recado/certificates").is_dir()
    for place in ["sysusers.d", "tmpfiles.d", "bash-completion/completions"]:
        assert any(target.rglob(place)), place


def test_no_place_is_left_open(target):
    for path in target.rglob("*"):
        if path.is_file() and path.suffix in (".service", ".conf"):
            assert not re.search(r"@\w+@", path.read_text()), path


def test_unit_starts_what_is_installed(target):
    text = find(target, "recado.service").read_text()
    for key in ["ExecStart", "ExecReload"]:
        words = re.search(rf"^{key}=(.*)$", text, re.M)[1].split()
        assert (target / words[0].lstrip("/")).is_file(), words[0]
        assert (target / words[words.index("--config") + 1].lstrip("/")).is_file(), words


def test_unit_is_valid(target):
    if shutil.which("systemd-analyze") is None:
        raise Skip("systemd-analyze is not there")
    unit = find(target, "recado.service")
    copy = target / "recado.service"
    copy.write_text(unit.read_text().replace("=/usr", f"={target}/usr"))
    got = run("systemd-analyze", "verify", "--man=no", copy)
    assert (got.returncode, got.stderr.strip()) == (0, ""), got.stderr
    got = run("systemd-analyze", "security", "--offline=true", "--threshold=20", copy)
    assert got.returncode == 0, got.stdout[-300:]  # 2.0 of 10


def test_installed_configuration_is_good(target):
    got = run(find(target, "recadod"), "--check-config", "--config",
              target / "etc/recado/recado.conf")
    assert got.returncode == 0, got.stdout + got.stderr


def test_every_example_of_the_configuration_is_good(target):
    """With the comments taken away, line by line where they hold a setting."""
    text = (target / "etc/recado/recado.conf").read_text()
    settings = re.findall(r"^#(\w+ = .*;)$", text, re.M)
    assert len(settings) >= 5, settings
    for setting in settings:
        copy = target / "example.conf"
        hosts = "" if setting.startswith("hosts") else 'host = "localhost";\n'
        copy.write_text(hosts + setting + "\n")
        got = run(find(target, "recadod"), "--check-config", "--config", copy)
        assert got.returncode == 0, got.stdout + got.stderr


def test_a_changed_configuration_stays(target):
    path = target / "etc/recado/recado.conf"
    path.write_text('host = "mine.example";\n')
    install(target)
    assert path.read_text() == 'host = "mine.example";\n'


def test_debian_needs_what_the_build_needs(_target):
    listed = set((ROOT / "packaging/debian-build-deps").read_text().split())
    listed -= {"libxml2-dev"}  # an oracle of tests, which the package does not build
    control = (ROOT / "packaging/debian/control").read_text()
    field = re.search(r"^Build-Depends:(.*?)^\S", control, re.M | re.S)[1]
    named = {entry.split()[0] for entry in field.split(",") if entry.strip()}
    missing = {name for name in listed - named if name.startswith("lib") or name == "meson"}
    assert not missing, f"packaging/debian/control lacks {missing}"


TESTS = [test_all_is_there, test_no_place_is_left_open, test_unit_starts_what_is_installed,
         test_unit_is_valid, test_installed_configuration_is_good,
         test_every_example_of_the_configuration_is_good, test_a_changed_configuration_stays,
         test_debian_needs_what_the_build_needs]


def run_all():
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    with tempfile.TemporaryDirectory(prefix="recado-test-") as directory:
        target = pathlib.Path(directory)
        install(target)
        for test in TESTS:
            try:
                test(target)
                counts["passed"] += 1
            except Skip as why:
                print(f"SKIP {test.__name__}: {why}")
                counts["skipped"] += 1
            except Exception:  # one failure does not hide the others
                print(f"FAIL {test.__name__}")
                traceback.print_exc(file=sys.stdout)
                counts["failed"] += 1
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**counts))
    return counts["failed"]


sys.exit(1 if run_all() else 0)
