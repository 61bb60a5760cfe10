"""`herd registry` and the registries that other verbs show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.calling import URL, Caller
from tests.registries.signing import Signer
from tests.registries.site import Site
from tests.tools.fakes import registry_text


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as running:
        yield running


def of(name: str, model: str = "other") -> str:
    return registry_text(URL, name=model).replace("name: test}", f"name: {name}}}")


def test_the_list_shows_who_vouches_for_each(herd: Caller, site: Site) -> None:
    herd("registry", "add", site.put("/r.yaml", of("school")))

    lines = herd("registry", "list").out.splitlines()

    assert [line.split()[0] for line in lines[1:]] == ["herd", "school", "test"]
    assert "came with herd" in lines[1]
    assert "unsigned" in lines[2]
    assert site.origin in lines[2]
    assert "a file of yours" in lines[3]
    row = herd.json("registry", "list")[1]
    assert (row["name"], row["trust"], row["models"]) == ("school", "unsigned", 1)


def test_adding_says_that_a_registry_is_unsigned_and_its_models_are_found(
    herd: Caller, site: Site
) -> None:
    ran = herd("registry", "add", site.put("/r.yaml", of("school")))

    assert ran.code == 0
    assert "Added school: 1 model, unsigned." in ran.err
    assert "whoever can change its address" in ran.err
    assert "from school, unsigned" in herd("search", "other").out
    assert f"registry school, unsigned from {site.origin}/r.yaml" in herd("info", "other").out


def test_a_signed_one_is_marked_as_signed(herd: Caller, site: Site, tmp_path: Path) -> None:
    signer = Signer()
    url = site.put("/r.yaml", of("school"))
    site.put("/r.yaml.minisig", signer.sign(of("school").encode()))
    key = tmp_path / "school.pub"
    key.write_text(f"untrusted comment: school\n{signer.key}\n")

    ran = herd("registry", "add", url, "--key", str(key))

    assert "Added school: 1 model, signed." in ran.err
    assert "unsigned" not in herd("search", "other").out


def test_a_name_that_is_taken_is_told_by_add_list_and_info(herd: Caller, site: Site) -> None:
    ran = herd("registry", "add", site.put("/r.yaml", of("school", "smollm2-135m")))

    assert "smollm2-135m of it is hidden: herd has that name." in ran.err
    assert "smollm2-135m of school is hidden" in herd("registry", "list").err
    assert "school offers smollm2-135m too: hidden" in herd("info", "smollm2").out
    assert "school offers" not in herd("info", "alpaca-7b").out


def test_an_update_that_fails_says_so_and_keeps_the_copy(herd: Caller, site: Site) -> None:
    herd("registry", "add", site.put("/r.yaml", of("school")))
    assert herd("registry", "update").err == "school: unchanged.\n"
    del site.pages["/r.yaml"]

    ran = herd("registry", "update", "school")

    assert ran.code == 4
    assert "the last good copy stays" in ran.err
    assert herd("info", "other").code == 0


def test_removing_takes_it_away_and_an_unknown_name_is_3(herd: Caller, site: Site) -> None:
    herd("registry", "add", site.put("/r.yaml", of("school")))

    assert herd("registry", "remove", "school").code == 0
    assert herd("info", "other").code == 3
    assert herd("registry", "remove", "school").code == 3


def test_with_nothing_added_an_update_has_nothing_to_do(herd: Caller) -> None:
    assert "No registry was added" in herd("registry", "update").err


def test_a_broken_copy_can_be_updated_and_removed(herd: Caller, site: Site) -> None:
    herd("registry", "add", site.put("/r.yaml", of("school")))
    (herd.home / "registries" / "school.yaml").write_text("schema: 9\n")
    assert herd("search").code == 2

    assert herd("registry", "update").code == 0
    assert herd("search").code == 0
    (herd.home / "registries" / "school.yaml").write_text("schema: 9\n")
    assert herd("registry", "remove", "school").code == 0
    assert herd("search").code == 0


def test_searching_by_what_a_model_is_and_what_it_takes(herd: Caller) -> None:
    names = [each["name"] for each in herd.json("search", "--role", "code", "--max-size", "1.2GB")]

    assert "qwen2.5-coder-1.5b" in names
    assert "qwen2.5-coder-7b" not in names
    assert herd("search", "--family", "qwen33").code == 2
    assert herd("search", "--max-size", "many").code == 2
    assert "llama-3" not in herd("search", "--licence", "open", "--role", "chat").out
    assert "No model is like that" in herd("search", "--max-size", "1").err
    assert "recommended" in herd("search", "smollm2", "--fits").out
