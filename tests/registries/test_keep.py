"""Registries of other people: the last good copy stays, whatever their makers or networks do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from herd.errors import (
    BadUsage,
    HerdError,
    RegistryError,
    SignatureRefused,
    SourceFailed,
    UnknownModel,
)
from herd.model import reference
from herd.places import Places
from herd.registries.keep import Fate, Kept, Wanted, add, remove, update
from herd.registry import load
from herd.registry.catalogue import Trust
from tests.registries.signing import Signer
from tests.registries.site import Page, Site
from tests.tools.fakes import registry_text

TEXT = registry_text("https://a.example/x.gguf")
NEWER = TEXT.replace("Tiny the", "Newer")


def title(here: Places, name: str = "tiny") -> str:
    return load(here).find(reference(name)).model.title


def add_from(site: Site, here: Places, text: str = TEXT, key: str | None = None) -> Kept:
    return add(here, Wanted(site.put("/r.yaml", text), key))


def sign(site: Site, signer: Signer, text: str) -> None:
    site.put("/r.yaml", text)
    site.put("/r.yaml.minisig", signer.sign(text.encode()))


def only(here: Places) -> tuple[Fate, HerdError | None]:
    (updated,) = update(here)
    return updated.fate, updated.error


def test_an_address_is_added_found_and_marked_as_unsigned(site: Site, here: Places) -> None:
    kept = add_from(site, here)

    registry = load(here)
    model = registry.find(reference("tiny")).model
    origin = registry.origin(model)
    assert (kept.origin.name, kept.origin.models, kept.hidden) == ("test", 1, ())
    assert origin is not None
    assert (origin.trust, origin.location) == (Trust.UNSIGNED, f"{site.origin}/r.yaml")


def test_an_update_asks_whether_anything_changed_and_takes_what_did(
    site: Site, here: Places
) -> None:
    add_from(site, here)

    assert only(here) == (Fate.UNCHANGED, None)
    assert site.asked[-1].headers.get("if-none-match")
    site.put("/r.yaml", NEWER)
    assert only(here) == (Fate.UPDATED, None)
    assert title(here).startswith("Newer")


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (Page(b"<!DOCTYPE html><html>log in", 200, {"Content-Type": "text/html"}), "web page"),
        (Page(b"\n <html>log in please</html>"), "web page"),
        (Page(b"", 404), "no registry there"),
        (Page(b"<html>404", 404, {"Content-Type": "text/html"}), "no registry there (404)"),
        (Page(b"", 503), "cannot answer now"),
        (Page(b"schema: 1\nmodels: {x: {}}\n"), "r.yaml:2: models.x"),
        (Page(b"\xff\xfe"), "is not UTF-8"),
        (Page(b""), "is empty"),
        (Page(TEXT[:300].encode(), headers={"Content-Length": "900"}), "stopped before the end"),
        (Page(NEWER.replace("name: test", "name: other").encode()), "calls itself other now"),
        (Page(b"", 302, {"Location": "file:///etc/passwd"}), "does not follow"),
    ],
)
def test_whatever_comes_instead_the_last_good_copy_stays(
    site: Site, here: Places, page: Page, said: str
) -> None:
    add_from(site, here)
    site.pages["/r.yaml"] = page

    fate, error = only(here)

    assert fate is Fate.FAILED
    assert error is not None
    assert said in error.message
    assert title(here) == "Tiny the test model"


def test_a_registry_without_end_is_not_read_to_its_end(
    site: Site, here: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("herd.registries.location.MOST_BYTES", 1000)

    with pytest.raises(SourceFailed, match="answered with more than"):
        add_from(site, here, TEXT + "#" * 2000)


def test_offline_the_last_good_copy_is_used(here: Places) -> None:
    with Site() as site:
        add_from(site, here)
    fate, error = only(here)

    assert fate is Fate.FAILED
    assert isinstance(error, SourceFailed)
    assert title(here) == "Tiny the test model"


def test_a_web_page_is_never_added(site: Site, here: Places) -> None:
    with pytest.raises(SourceFailed, match="web page"):
        add_from(site, here, "<html><body>Welcome to the hotel</body></html>")

    assert not here.user_registries.exists()


def test_what_does_not_read_is_never_added(site: Site, here: Places) -> None:
    with pytest.raises(RegistryError, match=r"r\.yaml:1: "):
        add_from(site, here, "schema: 2\n")

    assert not here.user_registries.exists()


def test_a_key_that_is_given_is_pinned_and_a_signed_registry_says_so(
    site: Site, here: Places, signer: Signer
) -> None:
    sign(site, signer, TEXT)
    kept = add(here, Wanted(f"{site.origin}/r.yaml", str(signer.key)))

    assert (kept.origin.trust, kept.found_key) == (Trust.SIGNED, False)
    sign(site, signer, NEWER)
    assert only(here) == (Fate.UPDATED, None)


def test_a_key_beside_the_registry_is_pinned_on_first_add_and_told(
    site: Site, here: Places, signer: Signer
) -> None:
    sign(site, signer, TEXT)
    site.put("/r.yaml.pub", f"untrusted comment: x\n{signer.key}\n")

    kept = add(here, Wanted(f"{site.origin}/r.yaml"))

    assert (kept.found_key, kept.added.key) == (True, str(signer.key))


def test_a_changed_key_is_refused_even_when_the_new_one_lies_beside(
    site: Site, here: Places, signer: Signer
) -> None:
    sign(site, signer, TEXT)
    add(here, Wanted(f"{site.origin}/r.yaml", str(signer.key)))
    thief = Signer(name=b"thiefkey")
    sign(site, thief, NEWER)
    site.put("/r.yaml.pub", str(thief.key))

    fate, error = only(here)

    assert fate is Fate.FAILED
    assert isinstance(error, SignatureRefused)
    assert error.exit_code == 5
    assert "another key" in error.message
    assert title(here) == "Tiny the test model"


def test_a_signature_that_is_gone_is_refused(site: Site, here: Places, signer: Signer) -> None:
    sign(site, signer, TEXT)
    add(here, Wanted(f"{site.origin}/r.yaml", str(signer.key)))
    site.put("/r.yaml", NEWER)
    del site.pages["/r.yaml.minisig"]

    fate, error = only(here)

    assert fate is Fate.FAILED
    assert error is not None
    assert "is not signed any more" in error.message


def test_an_old_signature_does_not_cover_new_content(
    site: Site, here: Places, signer: Signer
) -> None:
    sign(site, signer, TEXT)
    add(here, Wanted(f"{site.origin}/r.yaml", str(signer.key)))
    site.put("/r.yaml", NEWER)

    assert only(here)[0] is Fate.FAILED
    assert title(here) == "Tiny the test model"


def test_a_signed_registry_whose_key_nobody_knows_is_not_added(
    site: Site, here: Places, signer: Signer
) -> None:
    sign(site, signer, TEXT)

    with pytest.raises(BadUsage, match="nobody said with which key"):
        add(here, Wanted(f"{site.origin}/r.yaml"))


def test_a_key_for_what_is_not_signed_refuses_it(site: Site, here: Places, signer: Signer) -> None:
    with pytest.raises(SignatureRefused):
        add_from(site, here, key=str(signer.key))


def test_a_path_and_a_folder_are_copied(here: Places, tmp_path: Path) -> None:
    source = tmp_path / "mine" / "registry.yaml"
    source.parent.mkdir()
    source.write_text(TEXT)

    kept = add(here, Wanted(str(source.parent)))

    assert kept.added.location == str(source)
    source.write_text(NEWER)
    assert title(here) == "Tiny the test model"
    assert only(here) == (Fate.UPDATED, None)
    assert title(here).startswith("Newer")


def test_a_name_that_another_registry_has_is_told_and_hidden(site: Site, here: Places) -> None:
    kept = add_from(site, here, TEXT.replace("  tiny:", "  smollm2-135m:"))

    assert [(each.name, each.owner) for each in kept.hidden] == [("smollm2-135m", "herd")]
    assert title(here, "smollm2-135m") == "SmolLM2 135M Instruct"


def test_registries_keep_the_order_in_which_they_were_added(site: Site, here: Places) -> None:
    for name in ("zebra", "apple"):
        text = TEXT.replace("name: test", f"name: {name}")
        add(here, Wanted(site.put(f"/{name}.yaml", text)))

    registry = load(here)

    assert [each.name for each in registry.origins] == ["herd", "zebra", "apple"]
    assert registry.find(reference("tiny")).model.registry == "zebra"
    assert registry.hidden[0].registry == "apple"


@pytest.mark.parametrize("name", ["herd", "test"])
def test_two_registries_cannot_have_one_name(site: Site, here: Places, name: str) -> None:
    add_from(site, here)
    other = site.put("/other.yaml", TEXT.replace("name: test", f"name: {name}"))

    with pytest.raises(BadUsage, match=f"A registry named {name} is here already"):
        add(here, Wanted(other))


def test_one_location_is_added_once(site: Site, here: Places) -> None:
    add_from(site, here)

    with pytest.raises(BadUsage, match="is added already, as test"):
        add_from(site, here)


def test_a_registry_without_a_name_takes_that_of_its_address(site: Site, here: Places) -> None:
    text = TEXT.replace("registry: {name: test}\n", "")

    assert add(here, Wanted(site.put("/school.yaml", text))).origin.name == "school"
    with pytest.raises(BadUsage, match="none can be made"):
        add(here, Wanted(site.put("/A%20B.yaml", text)))


def test_what_is_removed_is_gone_and_nothing_else(site: Site, here: Places) -> None:
    add_from(site, here)
    (here.user_registries / "mine.yaml").write_text(TEXT.replace("test}", "mine}"))

    remove(here, "test")

    assert [each.name for each in load(here).origins] == ["herd", "mine"]
    for name in ("test", "mine"):
        with pytest.raises(UnknownModel):
            remove(here, name)


def test_a_copy_that_somebody_took_away_comes_back_with_an_update(site: Site, here: Places) -> None:
    add_from(site, here)
    (here.user_registries / "test.yaml").unlink()

    assert [each.name for each in load(here).origins] == ["herd"]
    assert only(here)[0] is Fate.UPDATED
    assert title(here) == "Tiny the test model"


def test_one_that_fails_does_not_keep_the_others_from_coming(site: Site, here: Places) -> None:
    add_from(site, here)
    add(here, Wanted(site.put("/b.yaml", TEXT.replace("name: test", "name: b"))))
    del site.pages["/r.yaml"]

    assert [each.fate for each in update(here)] == [Fate.FAILED, Fate.UNCHANGED]
    assert [each.fate for each in update(here, ["b"])] == [Fate.UNCHANGED]
    with pytest.raises(UnknownModel, match="No registry named c"):
        update(here, ["c"])


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"{}x", b'[{"name": 1}]', b"[1]", b"\xff", b'[{"name": "../x", "location": "y"}]'],
)
def test_a_list_that_does_not_read_is_said_to_be_so(here: Places, content: bytes) -> None:
    here.user_registries.mkdir(parents=True)
    (here.user_registries / "added.json").write_bytes(content)

    with pytest.raises(RegistryError, match=r"added\.json:1: does not read"):
        load(here)


def test_a_list_cannot_name_a_file_elsewhere(here: Places, tmp_path: Path) -> None:
    (tmp_path / "evil.yaml").write_text(TEXT)
    here.user_registries.mkdir(parents=True)
    row = {"name": "../../evil", "location": "x", "key": None, "etag": None, "updated_at": ""}
    (here.user_registries / "added.json").write_text(json.dumps([row]))

    with pytest.raises(RegistryError, match="does not read"):
        load(here)


@pytest.mark.parametrize("location", ["nowhere.yaml", "", "git+gopher://x/y"])
def test_what_is_no_location_is_refused(here: Places, location: str) -> None:
    with pytest.raises(HerdError):
        add(here, Wanted(location))


def test_a_file_of_the_person_is_never_written_over(site: Site, here: Places) -> None:
    own = here.user_registries / "test.yaml"
    own.parent.mkdir(parents=True)
    own.write_text(TEXT.replace("name: test", "name: mine"))

    with pytest.raises(BadUsage, match="A registry named test is here already"):
        add_from(site, here)

    assert "name: mine" in own.read_text()


def dated(day: str, text: str = TEXT) -> str:
    return text.replace("name: test}", f"name: test, updated: {day}}}")


def test_an_older_copy_is_refused_though_its_signature_is_right(
    site: Site, here: Places, signer: Signer
) -> None:
    sign(site, signer, dated("2026-11-24"))
    add(here, Wanted(f"{site.origin}/r.yaml", str(signer.key)))
    sign(site, signer, dated("2026-01-01", NEWER))

    fate, error = only(here)

    assert fate is Fate.FAILED
    assert error is not None
    assert "is 2026-01-01, older than the copy that is here (2026-11-24)" in error.message
    sign(site, signer, dated("2026-11-24", NEWER))
    assert only(here) == (Fate.UPDATED, None)
