"""`herd registry` and the registries that other verbs show."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.calling import URL, Caller
from tests.registries.signing import Signer
from tests.registries.site import Site
from tests.registries.test_catalogs import GALLERY
from tests.tools.fakes import GGUF, registry_text
from tests.tools.tiny_gguf import write


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as running:
        yield running


def of(name: str, model: str = "other") -> str:
    return registry_text(URL, name=model).replace("name: test}", f"name: {name}}}")


def test_the_list_shows_who_vouches_for_each(herd: Caller, site: Site) -> None:
    herd("registry", "add", site.put("/r.yaml", of("school")))

    lines = herd("registry", "list").out.splitlines()

    assert herd("registry").out.splitlines() == lines
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
    plan = herd("install", "--dry-run", "other")
    assert f"other is offered by school ({site.origin}/r.yaml), unsigned." in plan.err
    assert "unsigned" not in herd("install", "--dry-run", "smollm2").err
    assert f"registry school, unsigned from {site.origin}/r.yaml" in herd("info", "other").out


def test_a_name_of_its_own_goes_before_the_one_that_was_given_and_that_is_said(
    herd: Caller, site: Site
) -> None:
    ran = herd("registry", "add", site.put("/r.yaml", of("school")), "--name", "lab")

    assert "Added school: 1 model, unsigned." in ran.err
    assert "It calls itself school, so lab is not its name here." in ran.err


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
    copy = herd.home / "registries" / "school.yaml"
    copy.write_text("schema: 9\n")
    ran = herd("search", "smollm2")
    assert (ran.code, "smollm2-135m" in ran.out) == (0, True)
    assert [line for line in ran.err.splitlines() if str(copy) in line] == [
        f"{copy}:1: schema: is 9, and this herd reads 1. What was last read of it is used."
    ]
    assert herd("registry", "check").code == 2

    assert herd("registry", "update").code == 0
    assert str(copy) not in herd("search").err
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


def test_a_check_remarks_and_asks_and_ranks(herd: Caller, site: Site) -> None:
    good, gone = site.put("/good.gguf", GGUF), f"{site.origin}/gone.gguf"
    both = f'{{url: "{gone}"}}\n          - {{url: "{good}"}}'
    text = registry_text("X").replace('{url: "X"}', both)
    herd.offer(text)

    offline, online = (
        herd("registry", "check", "test"),
        herd("registry", "check", "test", "--online"),
    )

    path = str(herd.home / "registries" / "test.yaml")
    assert offline.code == 0
    assert f"{path}:4: models.tiny" in offline.out
    assert online.code == 4
    assert ".gguf: gone (it is not there (404))" in online.out
    assert ".gguf: ok in " in online.out
    assert "1 of 2 sources does not hold." in online.err
    order = [line.split()[-1] for line in herd("install", "--dry-run", "tiny").out.splitlines()]
    assert [each.rpartition("/")[2] for each in order[-2:]] == ["good.gguf", "gone.gguf"]
    assert (herd.home / "registries" / "test.yaml").read_text() == text


def test_a_check_of_a_path_or_of_one_model_and_as_json(
    herd: Caller, site: Site, tmp_path: Path
) -> None:
    path = tmp_path / "published.yaml"
    path.write_text(registry_text(site.put("/x.gguf", GGUF)))

    ran = herd("registry", "check", str(path), "--online", "--json")

    told = json.loads(ran.out)
    assert (ran.code, ran.err) == (0, "")
    assert [each["state"] for each in told["sources"]] == ["ok"]
    assert told["sources"][0]["line"] == 4
    assert told["remarks"][0]["registry"] == str(path)
    assert "1 model read" in herd("registry", "check", "smollm2").err
    assert herd("registry", "check", "nothing").code == 3
    assert "Did you mean smollm2" in herd("registry", "check", "smolm2").err
    path.write_text("schema: 1\nmodels: {x: {}}\n")
    assert herd("registry", "check", str(path)).code == 2


def test_a_check_of_all_lists_what_the_person_can_mend(herd: Caller) -> None:
    (herd.home / "registries" / "test.yaml").unlink()
    clean, herds = herd("registry", "check"), herd("registry", "check", "herd")
    herd.offer(registry_text("http://m.example/x.gguf"))
    own = herd("registry", "check")

    assert (clean.code, clean.out) == (0, "")
    assert "models read, 0 remarks." in clean.err
    assert "`herd registry check herd` has " in clean.err
    assert f"{len(herds.out.splitlines())} remarks" in herds.err
    assert "comes over http" in own.out
    assert "registry.yaml:" not in own.out


def test_making_writes_the_registry_and_the_torrents(herd: Caller, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    write(folder / "Wee-F32.gguf")

    ran = herd("registry", "make", str(folder), "--url", "https://a.example/m", "--torrent")

    assert ran.code == 0
    assert "Wee-F32.gguf: magnet:?xt=urn:btmh:1220" in ran.err
    assert "under which licence wee comes" in ran.err
    assert (folder / "Wee-F32.gguf.torrent").read_bytes().startswith(b"d")
    assert herd("registry", "check", str(folder / "registry.yaml")).code == 0
    printed = herd("registry", "make", str(folder), "--url", "https://a.example/m", "-o", "-").out
    assert printed.startswith("schema: 1\nregistry: {name: mine")
    assert herd("registry", "make", str(folder), "--url", "x", "--tracker", "udp://a:1").code == 2


def test_importing_a_catalog_says_what_it_took_and_left(herd: Caller, site: Site) -> None:
    ran = herd("registry", "import", site.put("/index.yaml", GALLERY), "--name", "gallery")

    assert ran.code == 0
    assert "Took 4 models of a LocalAI gallery into " in ran.err
    assert "Left out 2: a sha256 that is none." in ran.err
    assert "small-model" in herd("search", "small-model").out


def test_a_folder_without_a_registry_and_an_address_without_one_are_said_in_sentences(
    herd: Caller, site: Site, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()

    folder = herd("registry", "import", str(tmp_path / "empty"))
    nowhere = herd("registry", "add", f"{site.origin}/nothing.yaml")

    assert "it has no registry.yaml in it." in folder.err
    assert "has no registry there (404).\n" in nowhere.err
