"""A proof of the store names every flaw, and the bytes that are damaged."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from herd import pieces
from herd.errors import CannotWrite, Interrupted
from herd.model import Installed
from herd.places import places
from herd.progress import Gauge, Stage
from herd.store import Store
from herd.store.findings import Finding, Flaw, Report
from herd.store.proof import Work
from herd.verify import verify
from tests.store.models import bring, digest, install, store_at

LEAF = pieces.LEAF
WEIGHTS = bytes(range(256)) * 64 * 10 + b"the end"
"""Ten leaves and a rest."""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(pieces, "PIECE", 2 * LEAF)
    return store_at(tmp_path / "home")


@pytest.fixture
def tiny(store: Store) -> Installed:
    return bring(store, "tiny:q4", m=WEIGHTS)


def proof(store: Store, *models: Installed) -> Report:
    return verify(store, models or None, Work(Gauge(), threading.Event()))


def only(report: Report) -> Finding:
    (finding,) = report.findings
    return finding


def spoil(path: Path, change: Callable[[bytearray], object]) -> None:
    content = bytearray(path.read_bytes())
    change(content)
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(0o444)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("kind", ["blob", "table"])
def test_a_pipe_in_the_place_of_a_file_makes_nobody_wait(
    store: Store, tiny: Installed, kind: str
) -> None:
    sha256 = tiny.files[0].sha256
    path = store.blob(sha256) if kind == "blob" else store.root / "pieces" / sha256
    assert path.is_file()
    path.unlink()
    os.mkfifo(path)

    findings = proof(store).findings

    is_blob = kind == "blob"
    assert (Flaw.UNREADABLE in {each.flaw for each in findings}) is is_blob
    assert ("it is no ordinary file" in {each.note for each in findings}) is is_blob


def test_a_sound_store_has_no_findings(store: Store, tiny: Installed) -> None:
    bring(store, "twin:q4", m=WEIGHTS, other=b"more")

    report = proof(store)

    assert report.is_sound
    assert (report.blobs, report.size) == (2, len(WEIGHTS) + 4)
    assert report.trouble() is None


def test_damage_is_named_by_its_pieces_and_by_every_model_that_has_it(
    store: Store, tiny: Installed
) -> None:
    twin = bring(store, "twin:q4", m=WEIGHTS)

    def change(content: bytearray) -> None:
        for at in (5, 2 * LEAF + 1, 9 * LEAF):
            content[at] ^= 1

    spoil(store.blob(digest(WEIGHTS)), change)
    finding = only(proof(store))

    assert finding.flaw is Flaw.DAMAGED
    assert finding.spans == (range(4 * LEAF), range(8 * LEAF, 10 * LEAF))
    assert finding.models == (tiny.reference, twin.reference)
    assert finding.text == f"damaged in bytes 0-{4 * LEAF - 1}, {8 * LEAF}-{10 * LEAF - 1}"


def test_missing_and_extra_bytes_are_told_apart_from_damaged_ones(
    store: Store, tiny: Installed
) -> None:
    blob = store.blob(digest(WEIGHTS))
    spoil(blob, lambda content: content.extend(b"tail"))
    longer = only(proof(store))
    spoil(blob, lambda content: content.__delitem__(slice(8 * LEAF, None)))
    shorter = only(proof(store))

    assert (longer.extra, longer.missing, longer.spans) == (4, 0, ())
    assert (shorter.extra, shorter.missing, shorter.spans) == (0, 2 * LEAF + 7, ())
    assert "too many" in longer.text
    assert "missing" in shorter.text


def test_without_a_table_all_bytes_are_suspect(store: Store, tiny: Installed) -> None:
    (store.blob(digest(WEIGHTS)).parents[2] / "pieces" / digest(WEIGHTS)).write_bytes(b"torn")
    spoil(store.blob(digest(WEIGHTS)), lambda content: content.__setitem__(5, 99))

    assert only(proof(store)).spans == (range(len(WEIGHTS)),)


def test_a_sound_blob_without_a_table_gets_one(store: Store, tiny: Installed) -> None:
    table = store.table(digest(WEIGHTS), len(WEIGHTS))
    (store.blob(digest(WEIGHTS)).parents[2] / "pieces" / digest(WEIGHTS)).unlink()

    assert proof(store, tiny).is_sound
    assert store.table(digest(WEIGHTS), len(WEIGHTS)) == table


def test_a_sound_blob_whose_table_a_power_cut_tore_gets_another(
    store: Store, tiny: Installed
) -> None:
    table = store.table(digest(WEIGHTS), len(WEIGHTS))
    path = store.blob(digest(WEIGHTS)).parents[2] / "pieces" / digest(WEIGHTS)
    path.write_bytes(path.read_bytes()[:-32] + bytes(32))

    assert proof(store, tiny).is_sound
    assert store.table(digest(WEIGHTS), len(WEIGHTS)) == table


def test_a_blob_that_is_gone_is_missing_and_so_is_its_name(store: Store, tiny: Installed) -> None:
    store.path_of(tiny).unlink()
    store.blob(digest(WEIGHTS)).unlink()

    report = proof(store)

    assert [each.flaw for each in report.findings] == [Flaw.MISSING, Flaw.NO_LINK]
    assert report.broken == (tiny.reference,)
    trouble = report.trouble()
    assert trouble is not None
    assert (trouble.exit_code, trouble.hint) == (5, "`herd repair tiny:q4` mends it.")


def test_a_blob_that_can_be_written_to_is_named_unless_it_is_another_tools(
    store: Store, tiny: Installed
) -> None:
    store.blob(digest(WEIGHTS)).chmod(0o644)
    assert only(proof(store)).flaw is Flaw.WRITABLE

    adopted = replace(tiny, files=(replace(tiny.files[0], adopted="/other/m.gguf"),))
    install(store, adopted, {"m.gguf": WEIGHTS})

    assert proof(store).is_sound


def test_names_that_lead_elsewhere_and_names_of_no_model_are_found(
    store: Store, tiny: Installed, tmp_path: Path
) -> None:
    link = store.path_of(tiny)
    link.unlink()
    link.write_bytes(b"other")
    (link.parent / "stray.gguf").symlink_to(tmp_path)

    report = proof(store)

    assert [(each.flaw, each.path.name) for each in report.findings] == [
        (Flaw.NO_LINK, "m.gguf"),
        (Flaw.ORPHAN, "stray.gguf"),
    ]
    assert [each.flaw for each in proof(store, tiny).findings] == [Flaw.NO_LINK]


def test_the_next_thing_to_type_is_the_one_that_helps(store: Store, tiny: Installed) -> None:
    def hint() -> str | None:
        trouble = proof(store).trouble()
        return trouble.hint if trouble else None

    stray = store.path_of(tiny).parent / "stray.gguf"
    stray.symlink_to("nowhere")
    assert hint() == "`herd prune` takes away what no model needs."
    store.blob(digest(WEIGHTS)).chmod(0o644)
    assert hint() == "`herd repair --all` mends it."
    stray.unlink()
    store.blob(digest(WEIGHTS)).chmod(0o444)
    (store.root / "manifests" / "tiny" / "x.json").write_bytes(b"{")
    assert hint() == "Take the file away, and install the model again."


def test_what_is_no_manifest_is_found(store: Store, tiny: Installed) -> None:
    papers = store.blob(digest(WEIGHTS)).parents[2] / "manifests" / "tiny" / "other.json"
    papers.write_bytes(b"{")

    finding = only(proof(store))

    assert (finding.flaw, finding.path) == (Flaw.NO_MANIFEST, papers)


def test_blobs_of_no_model_are_proved_with_all_of_the_store(store: Store, tiny: Installed) -> None:
    loose = store.blob(digest(b"nobody's"))
    loose.write_bytes(b"somebody's")
    loose.chmod(0o444)

    assert only(proof(store)).sha256 == digest(b"nobody's")
    assert proof(store, tiny).is_sound


def test_a_proof_shows_how_far_it_is_and_can_be_stopped(store: Store, tiny: Installed) -> None:
    work = Work(Gauge(), threading.Event())
    verify(store, None, work)
    seen = work.gauge.read()
    assert (seen.stage, seen.done, seen.total) == (Stage.VERIFYING, len(WEIGHTS), len(WEIGHTS))

    work.stop.set()
    with pytest.raises(Interrupted):
        verify(store, None, work)


def test_a_store_that_cannot_be_written_is_proved_all_the_same(
    store: Store, tiny: Installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    (store.root / "pieces" / digest(WEIGHTS)).unlink()

    def refuse(*_: object) -> None:
        raise CannotWrite("The store is read-only.")

    monkeypatch.setattr(store, "keep_table", refuse)

    assert proof(store).is_sound


def test_a_store_on_a_drive_that_is_not_there_cannot_be_proved(tmp_path: Path) -> None:
    away = Store(places({"HERD_HOME": str(tmp_path / "drive")}), is_chosen=True)

    with pytest.raises(CannotWrite, match="is not there"):
        proof(away)


def test_a_copy_under_a_models_name_is_read_before_it_is_believed(
    store: Store, tiny: Installed
) -> None:
    link = store.path_of(tiny)
    link.unlink()
    link.write_bytes(WEIGHTS)
    assert proof(store).is_sound

    link.write_bytes(WEIGHTS[:-1] + b"?")
    assert only(proof(store)).flaw is Flaw.NO_LINK
