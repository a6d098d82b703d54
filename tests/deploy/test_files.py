"""The files that deploy the runner, checked by the tools of their formats."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from helpers.dockerfile import KNOWN_VARIABLES, OF_CONTAINERS, read_dockerfile
from helpers.product import CHECKOUT

DEPLOY = CHECKOUT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
MANIFEST = DEPLOY / "kubernetes.yaml"
SHUTDOWN_SECONDS = 30

needs_systemd = pytest.mark.skipif(
    not shutil.which("systemd-analyze"),
    reason="systemd-analyze is not on PATH: install systemd",
)


def tool(name, *arguments, cwd=CHECKOUT):
    """Run a tool of the environment of the tests."""
    places = [Path(folder).parents[2] / "bin" / name for folder in sys.path if folder]
    command = next((str(each) for each in places if each.is_file()), name)
    return subprocess.run(
        [command, *map(str, arguments)], cwd=cwd, capture_output=True, text=True
    )


def seconds(text):
    """Return what a duration such as ``45`` or ``60s`` means."""
    return int(str(text).removesuffix("s"))


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((CHECKOUT / "compose.yaml").read_text("utf-8"))


@pytest.fixture(scope="module")
def manifest():
    return list(yaml.safe_load_all(MANIFEST.read_text("utf-8")))


def pods(manifest):
    return [
        each["spec"]["template"]["spec"] for each in manifest if "Deploy" in each["kind"]
    ]


class TestDockerfile:
    def test_hadolint_finds_nothing(self):
        result = tool("hadolint", "Dockerfile")
        assert result.returncode == 0, result.stdout + result.stderr

    def test_its_variables_are_those_that_something_reads(self):
        environment = read_dockerfile().environment
        assert environment.keys() <= KNOWN_VARIABLES
        assert environment.keys() >= OF_CONTAINERS
        folders = "/app/plugins:/app/extra-plugins:/app/git-plugins"
        assert environment["PLUGIN_FOLDERS"] == folders
        assert environment["CELERY_WORKER_POOL"] == "threads"

    def test_it_does_not_run_as_root(self):
        assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", read_dockerfile().user)

    def test_what_it_copies_is_there_and_is_sent_to_the_engine(self):
        copied = read_dockerfile().copied
        lines = (CHECKOUT / ".dockerignore").read_text("utf-8").split()
        assert "*" in lines
        for path in copied:
            assert (CHECKOUT / path).exists(), path
            assert f"!{path}" in lines, path
        sent = {line.removeprefix("!") for line in lines if line.startswith("!")}
        assert sent == set(copied)

    def test_the_base_is_named_once(self):
        text = (CHECKOUT / "Dockerfile").read_text("utf-8")
        assert len(re.findall(r"python:3", text)) == 1


class TestCompose:
    def test_variables_are_those_that_something_reads(self, compose):
        runners = [
            each
            for each in compose["services"].values()
            if each["image"] == "qhana-plugin-runner"
        ]
        assert len(runners) == 4
        for service in runners:
            assert service["environment"].keys() <= KNOWN_VARIABLES

    def test_every_container_has_few_rights(self, compose):
        for name, service in compose["services"].items():
            assert service["read_only"] is True, name
            assert service["cap_drop"] == ["ALL"], name
            assert service["security_opt"] == ["no-new-privileges:true"], name

    def test_images_are_pinned_and_only_the_proxy_is_reached_from_outside(self, compose):
        published = [
            name for name, each in compose["services"].items() if "ports" in each
        ]
        assert published == ["proxy"]
        for service in compose["services"].values():
            if "build" not in service:
                assert re.search(r":\d[\w.-]*$", service["image"]), service["image"]

    def test_no_secret_is_in_it(self, compose):
        text = (CHECKOUT / "compose.yaml").read_text("utf-8")
        secret = re.compile(r"^ *\w*(?:PASSWORD|SECRET\w*KEY|AUTH): *(.*)$", re.MULTILINE)
        found = secret.findall(text)
        assert len(found) > 4
        assert all(value.startswith("${") for value in found)

    def test_workers_get_more_time_to_stop_than_their_tasks(self, compose):
        for name in ("web", "worker-1", "worker-2"):
            service = compose["services"][name]
            allowed = seconds(service["environment"]["TASK_SHUTDOWN_SECONDS"])
            assert seconds(service["stop_grace_period"]) >= allowed + 15

    def test_what_others_wait_for_has_a_health_check(self, compose):
        services = compose["services"]
        waited = {
            (needed, how["condition"])
            for service in services.values()
            for needed, how in service.get("depends_on", {}).items()
        }
        for name, condition in waited:
            if condition == "service_healthy":
                assert "build" in services[name] or "healthcheck" in services[name], name


class TestKubernetes:
    def test_it_is_valid_with_no_field_that_is_not_known(self):
        result = tool("kubernetes-validate", "--strict", "--quiet", MANIFEST)
        assert result.returncode == 0, result.stdout + result.stderr

    def test_variables_are_those_that_something_reads(self, manifest):
        for each in manifest:
            given = each.get("data", {}) | each.get("stringData", {})
            assert given.keys() <= KNOWN_VARIABLES
        for pod in pods(manifest):
            names = {each["name"] for each in pod["containers"][0]["env"]}
            assert names <= KNOWN_VARIABLES

    def test_all_containers_have_one_image_whose_version_has_to_be_given(self, manifest):
        images = {pod["containers"][0]["image"] for pod in pods(manifest)}
        (image,) = images
        assert image.endswith(":CHANGE")

    def test_containers_run_as_the_image_does_and_can_write_to_its_folders(
        self, manifest
    ):
        image = read_dockerfile()
        for pod in pods(manifest):
            user = pod["securityContext"]
            assert f"{user['runAsUser']}:{user['runAsGroup']}" == image.user
            (container,) = pod["containers"]
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            mounted = {each["mountPath"] for each in container["volumeMounts"]}
            assert mounted == {"/tmp", *image.volumes}

    def test_there_is_time_to_stop(self, manifest):
        for pod in pods(manifest):
            assert pod["terminationGracePeriodSeconds"] >= SHUTDOWN_SECONDS + 15

    def test_the_probe_of_the_worker_tells_an_old_heartbeat_from_a_new_one(
        self, manifest, tmp_path
    ):
        (worker,) = (p for p in pods(manifest) if p["containers"][0]["name"] == "worker")
        command = worker["containers"][0]["livenessProbe"]["exec"]["command"]
        file = tmp_path / "beat"
        command = [word.replace("/tmp/worker-heartbeat", str(file)) for word in command]
        assert subprocess.run(command, capture_output=True).returncode != 0
        file.touch()
        assert subprocess.run(command).returncode == 0


class TestSystemd:
    @needs_systemd
    def test_systemd_understands_the_units(self, tmp_path):
        for unit in UNITS:
            text = unit.read_text("utf-8").replace(
                "/opt/qhana-plugin-runner", str(CHECKOUT)
            )
            (tmp_path / unit.name).write_text(text, "utf-8")
        names = [unit.name.replace("@", "@1") for unit in UNITS]
        result = tool("systemd-analyze", "verify", "--man=no", *names, cwd=tmp_path)
        assert (result.returncode, result.stderr) == (0, "")

    @needs_systemd
    def test_a_word_that_systemd_does_not_know_is_found(self, tmp_path):
        unit = UNITS[0].read_text("utf-8").replace("ProtectSystem=", "ProtectSystems=")
        (tmp_path / "wrong.service").write_text(unit, "utf-8")
        result = tool(
            "systemd-analyze", "verify", "--man=no", "wrong.service", cwd=tmp_path
        )
        assert "ProtectSystems" in result.stderr

    def test_what_restricts_the_units_is_the_same_in_all(self):
        common = {
            unit.read_text("utf-8").partition("# The same in all")[2] for unit in UNITS
        }
        assert len(common) == 1
        assert "ProtectSystem=strict" in common.pop()

    def test_tasks_get_no_signal_and_have_time_to_end(self):
        text = (DEPLOY / "systemd" / "qhana-worker@.service").read_text("utf-8")
        assert "KillMode=mixed" in text
        (stop,) = re.findall(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)
        assert seconds(stop) >= SHUTDOWN_SECONDS + 15
