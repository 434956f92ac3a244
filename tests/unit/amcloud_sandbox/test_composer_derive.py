"""A Composer package made from a Debian one: name, version, requirements, autoload section, archive."""

from __future__ import annotations

import io
import zipfile

import pytest

from amcloud_sandbox.composer.derive import Control, composer_name, licence, package, requirements, upstream_version
from amcloud_sandbox.composer.repository import zipped

YAML = "usr/share/php/Symfony/Component/Yaml/"
MEMBERS = {
    f"{YAML}autoload.php": b"<?php\nrequire_once __DIR__ . '/../../Contracts/Deprecation/autoload.php';\n",
    f"{YAML}Parser.php": b"<?php\nnamespace Symfony\\Component\\Yaml;\nclass Parser {}\n",
    "usr/share/pkg-php-tools/autoloaders/php-symfony-yaml": b"symfony yaml Symfony/Component/Yaml/autoload.php\n",
    "usr/share/doc/php-symfony-yaml/copyright": b"Files: *\nCopyright: x\nLicense: Expat\n",
}
CONTROL = Control("php-symfony-yaml", "5.4.53+dfsg-0+deb12u1", "php-common, php-symfony-deprecation-contracts")
NAMES = {"php-symfony-yaml": "symfony/yaml", "php-symfony-deprecation-contracts": "symfony/deprecation-contracts"}


@pytest.mark.parametrize(
    ("debian", "upstream"),
    [("5.4.53+dfsg-0+deb12u1", "5.4.53"), ("2:8.2+93", "8.2"), ("3.5.1-1+deb12u3", "3.5.1"), ("4~~", "4")],
)
def test_the_version_is_upstream_s(debian: str, upstream: str) -> None:
    assert upstream_version(debian) == upstream


@pytest.mark.parametrize(
    ("name", "files", "expected"),
    [
        pytest.param("php-symfony-yaml", MEMBERS, "symfony/yaml", id="declared by the package"),
        pytest.param("php-psr-log", {}, "psr/log", id="by Debian's custom"),
        pytest.param("php-twig", {}, "twig/twig", id="vendor and project of one name"),
        pytest.param("php-phar-io-manifest", {}, "phar-io/manifest", id="an exception"),
    ],
)
def test_the_name_is_composer_s(name: str, files: dict[str, bytes], expected: str) -> None:
    assert composer_name(name, files) == expected


def test_requirements_keep_bounds_and_extensions_and_drop_the_rest() -> None:
    depends = "php-mysql | php-pgsql, php-cli, php-intl, php-doctrine-common (>= 3.0.3), php-doctrine-common (<< 4~~)"
    names = {"php-doctrine-common": "doctrine/common"}
    assert requirements(depends, names) == {"doctrine/common": ">=3.0.3,<4", "ext-intl": "*"}


def test_a_package_whose_classes_follow_their_paths_gets_psr4_at_its_root() -> None:
    made = package(CONTROL, MEMBERS, NAMES)
    assert (made.name, made.version) == ("symfony/yaml", "5.4.53")
    assert made.manifest["autoload"] == {"psr-4": {"Symfony\\Component\\Yaml\\": ""}}
    assert made.manifest["license"] == ["MIT"]
    assert made.manifest["require"] == {"php": ">=8.1", "symfony/deprecation-contracts": "*"}
    assert set(made.files) == {"autoload.php", "Parser.php"}


def test_a_package_whose_classes_do_not_gets_a_class_map() -> None:
    odd = {**MEMBERS, f"{YAML}Odd.php": b"<?php\nnamespace Elsewhere;\nclass Odd {}\n"}
    assert package(CONTROL, odd, NAMES).manifest["autoload"] == {"classmap": ["."]}


def test_files_that_debian_always_loads_are_always_loaded() -> None:
    loader = {
        f"{YAML}autoload.php": b"<?php\nrequire_once __DIR__.'/fonctions.php';\n",
        f"{YAML}fonctions.php": b"<?php\n",
    }
    autoload = package(CONTROL, {**MEMBERS, **loader}, NAMES).manifest["autoload"]
    assert autoload == {"psr-4": {"Symfony\\Component\\Yaml\\": ""}, "files": ["fonctions.php"]}


def test_files_beside_the_package_s_folder_keep_their_place() -> None:
    made = package(CONTROL, {**MEMBERS, "usr/share/php/data/schema.xsd": b"<x/>"}, NAMES)
    assert made.manifest["autoload"] == {"psr-4": {"Symfony\\Component\\Yaml\\": "Symfony/Component/Yaml/"}}
    assert "data/schema.xsd" in made.files


def test_a_package_without_autoloader_is_an_error_that_names_it() -> None:
    with pytest.raises(ValueError, match="php-symfony-yaml"):
        package(CONTROL, {"usr/share/doc/x": b""}, NAMES)


def test_a_licence_that_is_not_said_plainly_is_not_guessed() -> None:
    assert licence(b"See the web site.") == []


def test_the_same_files_give_the_same_archive_in_any_order() -> None:
    made = package(CONTROL, MEMBERS, NAMES)
    other = package(CONTROL, dict(reversed(MEMBERS.items())), NAMES)
    assert zipped(made) == zipped(other)
    with zipfile.ZipFile(io.BytesIO(zipped(made))) as archive:
        assert archive.namelist() == ["Parser.php", "autoload.php", "composer.json"]
        assert {entry.date_time[0] for entry in archive.infolist()} == {2020}
