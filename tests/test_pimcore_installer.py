"""The installer for an existing Pimcore, against a project that has Pimcore's shape but none of its code: what it runs and in which order,
what it leaves, what it refuses. Needs PHP; the console commands themselves are Pimcore's and were tried on a real one, in this order, and so was
a third language in `pimcore.general.valid_languages`. It sends no request; what Data Hub then answers is in standins/pim/tests/languages.rs."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from local_stack.paths import REPO
from samcli.yamlhelper import yaml_parse

INSTALLER = REPO / "localstack/pimcore"
KEY = "0123456789abcdef+/=-._~"

pytestmark = pytest.mark.skipif(shutil.which("php") is None, reason="SKIPPED: the Pimcore installer is not tested, there is no PHP here")

CONSOLE = r"""<?php
file_put_contents(getenv('CALLS'), implode(' ', array_map('basename', array_slice($argv, 1))) . "\n", FILE_APPEND);
$bundles = require 'config/bundles.php';
exit(in_array('cache:clear', $argv, true) && getenv('BROKEN') === '1' && count($bundles) > 1 ? 1 : 0);
"""

BUNDLES = """<?php

declare(strict_types=1);

// Order matters: return [nothing] is not the list.
return [
    Some\\Bundle::class => ['all' => true],
];
"""

AUTOLOAD = r"""<?php
namespace Pimcore\Model\DataObject {
    class Folder {
        public ?object $parent = null;
        public string $key = '';
        public function __construct(public string $path = '') {}
        public function getType(): string { return 'folder'; }
        public function setParent(?object $parent): void { $this->parent = $parent; }
        public function setKey(string $key): void { $this->key = $key; }
        public function save(): void {
            $this->path = rtrim($this->parent->path, '/') . '/' . $this->key;
            file_put_contents(getenv('FOLDERS'), $this->path . "\n", FILE_APPEND);
        }
    }
    class Concrete { public function getType(): string { return 'object'; } }
}
namespace Pimcore\Model {
    class DataObject {
        public static function getById(int $id): object { return new DataObject\Folder('/'); }
        public static function getByPath(string $path): ?object {
            if ($path === getenv('TAKEN')) { return new DataObject\Concrete(); }
            $known = is_file(getenv('FOLDERS')) ? file(getenv('FOLDERS'), FILE_IGNORE_NEW_LINES) : [];
            return $path === '/' || in_array($path, $known, true) ? new DataObject\Folder($path) : null;
        }
    }
}
namespace Pimcore {
    class Bootstrap { public static function setProjectRoot(): void {} public static function startupCli(): void {} }
    class Tool {
        // As a Pimcore that joins lists of several files, or one that takes the last.
        public static function getValidLanguages(): array {
            $there = explode(',', getenv('LANGUAGES'));
            $ours = preg_match('/valid_languages: \[(.*)\]/', (string) @file_get_contents('config/local/catalog_relay.yaml'), $found) === 1
                ? explode(', ', $found[1]) : null;
            return $ours === null ? $there : (getenv('REPLACES') === '1' ? $ours : [...$there, ...$ours]);
        }
    }
}
namespace Pimcore\Bundle\DataHubBundle {
    if (getenv('DATA_HUB') === '1') { class PimcoreDataHubBundle {} }
    class Configuration {
        public static function getByName(string $name): ?self { return getenv('ELSEWHERE') === '1' ? null : new self(); }
        public function isActive(): bool { return true; }
    }
}
namespace {
    class Container { public function getParameter(string $name): array {
        return ['graphql' => ['output_cache_enabled' => getenv('CACHED') === '1', 'allow_introspection' => getenv('SILENT') !== '1']];
    } }
    class Pimcore { public static function getContainer(): Container { return new Container(); } }
}
"""

COMMANDS = [
    *(
        f"pimcore:definition:import:fieldcollection --force fieldcollection_{name}_export.json"
        for name in ("CatalogImage", "CatalogAttribute", "CatalogVariant", "CatalogPrice", "CatalogFact")
    ),
    *(f"pimcore:definition:import:class --force class_{name}_export.json" for name in ("CatalogCategory", "CatalogProduct")),
    "cache:clear",
    "pimcore:cache:clear",
    "datahub:configuration:rebuild-workspaces",
    "datahub:graphql:rebuild-definitions",
]


class Project:
    """A folder that looks like a Pimcore project."""

    def __init__(self, root: Path) -> None:
        self.root, self.calls, self.folders = root, root / "calls", root / "folders"
        for folder in ("bin", "vendor", "var", "config"):
            (root / folder).mkdir(parents=True)
        (root / "bin/console").write_text(CONSOLE)
        (root / "config/bundles.php").write_text(BUNDLES)
        (root / "vendor/autoload.php").write_text(AUTOLOAD)
        self.key_file = root / "key"
        self.key_file.write_text(KEY + "\r\n")

    def install(self, *options: str, **settings: str) -> subprocess.CompletedProcess[str]:
        told = {"PIMCORE_ROOT": str(self.root), "PIM_API_KEY_FILE": str(self.key_file), "CALLS": str(self.calls), "FOLDERS": str(self.folders)}
        environment = {"PATH": os.environ["PATH"], "LANGUAGES": "de,en,ar", "DATA_HUB": "1", **told, **settings}
        return subprocess.run([INSTALLER / "install.sh", *options], env=environment, capture_output=True, text=True, check=False, timeout=60)

    def called(self) -> list[str]:
        calls = self.calls.read_text().splitlines() if self.calls.exists() else []
        self.calls.unlink(missing_ok=True)
        return [call.removeprefix("--no-interaction ") for call in calls]

    def bundles(self) -> object:
        """What the kernel would load."""
        listed = subprocess.run(["php", "-r", "echo json_encode(require 'config/bundles.php');"], cwd=self.root, capture_output=True, check=True)
        return json.loads(listed.stdout)

    @property
    def configuration(self) -> Path:
        return self.root / "var/config/data_hub/catalog.yaml"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "pimcore project")


def test_it_installs_in_the_recorded_order_and_again_without_making_anything_twice(project: Project) -> None:
    for _ in range(2):
        done = project.install()
        assert done.returncode == 0, done.stderr
        assert project.called() == COMMANDS
        assert project.folders.read_text().splitlines() == ["/catalog", "/catalog/products", "/catalog/categories"]
        assert KEY not in done.stdout + done.stderr


@pytest.mark.parametrize("replaces", ["0", "1"])
def test_missing_languages_are_added_and_said_and_again_nothing_is_changed(project: Project, replaces: str) -> None:
    file = project.root / "config/local/catalog_relay.yaml"
    told = {"CATALOG_LANGUAGES": "en,ar,fr,pt-BR", "LANGUAGES": "de,en,ar", "REPLACES": replaces}
    done = project.install(**told)
    assert done.returncode == 0, done.stderr
    assert "added the languages fr, pt_BR in config/local/catalog_relay.yaml" in done.stderr
    written = yaml_parse(file.read_text())
    assert written["parameters"] == {"catalog_relay.languages": ["en", "ar", "fr", "pt_BR"]}
    languages = written["pimcore"]["general"]["valid_languages"]
    assert languages == (["fr", "pt_BR"] if replaces == "0" else ["de", "en", "ar", "fr", "pt_BR"]), "none of its own is lost"
    clears = 1 if replaces == "0" else 2
    assert project.called() == ["cache:clear"] * clears + COMMANDS

    before = file.read_bytes()
    done = project.install(**told)
    assert (done.returncode, file.read_bytes(), project.called()) == (0, before, COMMANDS)
    assert "added" not in done.stderr
    assert yaml_parse(before.decode())["pimcore"] == written["pimcore"]


def test_a_pimcore_that_does_not_tell_its_languages_is_refused_where_there_are_further_ones(project: Project) -> None:
    """Its Data Hub answers the question for the languages as recorded: 54f."""
    assert project.install(SILENT="1").returncode == 0, "English and Arabic are never asked for"
    project.called()
    refused = project.install(SILENT="1", CATALOG_LANGUAGES="en,ar")
    assert (refused.returncode, "allow_introspection" in refused.stderr) == (1, True)
    assert project.called() == ["cache:clear"], "of the languages; no class was imported"


def test_a_language_that_is_none_is_refused_by_name(project: Project) -> None:
    done = project.install(CATALOG_LANGUAGES="en,German")
    assert done.returncode != 0
    assert "this is none: German" in done.stderr
    assert project.called() == []


def test_the_configuration_is_the_recorded_one_with_the_key_and_closed_to_others(project: Project) -> None:
    for settings, name in (({}, "catalog-no-delete.yaml"), ({"WITH_DELETE": "1"}, "catalog.yaml")):
        assert project.install(**settings).returncode == 0
        wanted = yaml_parse((INSTALLER / "datahub" / name).read_text())
        security = wanted["pimcore_data_hub"]["configurations"]["catalog"]["security"]
        assert security["apikey"] == ["CHANGE-ME-at-least-16-characters"]
        security["apikey"] = [KEY]
        assert yaml_parse(project.configuration.read_text()) == wanted
        assert stat.S_IMODE(project.configuration.stat().st_mode) == 0o640
        assert [path.name for path in project.configuration.parent.iterdir()] == ["catalog.yaml"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"LANGUAGES": "en,de"}, "lacks the language ar"),
        ({"CACHED": "1"}, "output_cache_enabled"),
        ({"DATA_HUB": "0"}, "composer require pimcore/data-hub"),
        ({"PIM_API_KEY_FILE": "", "PIM_API_KEY": "too-short"}, "at least 16 characters"),
        ({"PIM_API_KEY_FILE": "", "PIM_API_KEY": "0123456789abcdef'\"; x"}, "letters, digits"),
        ({"PIM_API_KEY_FILE": "/nowhere"}, "cannot read the key"),
        ({"PIMCORE_ROOT": "/nowhere"}, "no Pimcore project"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_changed(project: Project, settings: dict[str, str], said: str) -> None:
    done = project.install(**settings)
    assert done.returncode != 0
    assert said in done.stderr
    assert project.called() == []
    assert not project.folders.exists()
    assert not project.configuration.exists()


def test_a_folder_that_is_something_else_and_a_configuration_kept_elsewhere_are_said(project: Project) -> None:
    taken = project.install(TAKEN="/catalog/products")
    assert taken.returncode != 0
    assert "/catalog/products is there, but as an element of type object, not as a folder" in taken.stderr
    elsewhere = project.install(ELSEWHERE="1")
    assert elsewhere.returncode != 0
    assert "config_location" in elsewhere.stderr


OURS = {"CatalogRelay\\PimcoreBundle\\CatalogRelayBundle": {"all": True}}
THEIRS = {"Some\\Bundle": {"all": True}}


def test_the_bundle_is_put_in_once_renewed_and_taken_out_without_a_trace(project: Project) -> None:
    assert project.bundles() == THEIRS
    place = project.root / "bundles/catalog-relay"
    for _ in range(2):
        done = project.install("--with-bundle")
        assert done.returncode == 0, done.stderr
        assert project.bundles() == {**OURS, **THEIRS}
        assert (place / "src/Pimcore/SaveGuard.php").is_file()
        assert not (place / "tests").exists()
        (place / "src/left-over.php").write_text("<?php")
    assert project.install().returncode == 0, "the bundle stays when nobody speaks of it"
    assert project.bundles() == {**OURS, **THEIRS}
    assert project.install("--without-bundle").returncode == 0
    assert (project.root / "config/bundles.php").read_text() == BUNDLES
    assert not place.exists()


def test_a_project_that_lost_the_bundles_folder_or_does_not_start_with_it_starts_without(project: Project) -> None:
    assert project.install("--with-bundle").returncode == 0
    shutil.rmtree(project.root / "bundles")
    assert project.bundles() == THEIRS
    refused = project.install("--with-bundle", BROKEN="1")
    assert refused.returncode != 0
    assert "taken out again" in refused.stderr
    assert (project.root / "config/bundles.php").read_text() == BUNDLES


def test_an_option_or_a_list_of_bundles_that_it_does_not_know_is_refused(project: Project) -> None:
    assert "unknown option --bundle" in project.install("--bundle").stderr
    (project.root / "config/bundles.php").write_text("<?php $all = []; return $all;")
    unknown = project.install("--with-bundle")
    assert unknown.returncode != 0
    assert "put this into what it returns" in unknown.stderr
    assert not (project.root / "bundles").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_what_root_leaves_belongs_to_the_owner_of_var(project: Project) -> None:
    os.chown(project.root / "var", 65534, 65534)
    assert project.install().returncode == 0
    left = [path.stat() for path in (project.root / "var").rglob("*")]
    assert left
    assert {(found.st_uid, found.st_gid) for found in left} == {(65534, 65534)}
