from __future__ import annotations

from herd.errors import CannotRun, LicenceNotAccepted, NoRoom
from herd.model import Choice, File, Format, Licence, Model, Sha256, Status, UrlSource, Variant
from herd.plan import Fetch, Fit, Ground, Keep, fit, is_of_format, plan

DIGEST = Sha256("ab" * 32)
FILE = File("tiny.gguf", (UrlSource("https://example.org/tiny.gguf"),), 1_000_000_000, DIGEST)


def choice(
    file: File = FILE,
    form: Format = Format.GGUF,
    licence: Licence | None = None,
    status: Status = Status.ACTIVE,
) -> Choice:
    variant = Variant("q4_0", (file,), form)
    model = Model(
        "tiny",
        "Tiny",
        (variant,),
        "q4_0",
        licence or Licence("MIT"),
        status=status,
        replaced_by="tiny-2",
        reason="its bytes changed",
    )
    return Choice(model, variant)


def test_a_file_that_the_store_has_is_kept() -> None:
    planned = plan(choice(), Ground(kept=frozenset({DIGEST})))

    assert isinstance(planned.steps[0], Keep)
    assert planned.bytes_to_fetch == 0


def test_a_begun_file_needs_only_its_rest() -> None:
    planned = plan(choice(), Ground(staged={FILE: 400_000_000}))

    assert planned.steps == (Fetch(FILE, 400_000_000),)
    assert planned.bytes_to_fetch == 600_000_000


def test_nobody_knows_the_bytes_of_an_address_without_a_size() -> None:
    unknown = File("tiny.gguf", FILE.sources)

    assert plan(choice(unknown), Ground(free=10)).bytes_to_fetch is None


def test_a_disk_that_is_too_small_is_said_before_the_first_byte() -> None:
    trouble = plan(choice(), Ground(free=500_000_000)).trouble(is_licence_accepted=True)

    assert isinstance(trouble, NoRoom)
    assert trouble.message == (
        "tiny:q4_0 needs 1.00 GB of disk and 500.0 MB are free: 567.1 MB are missing, "
        "67.1 MB of them to stay free."
    )


def test_a_disk_with_room_is_no_trouble() -> None:
    assert plan(choice(), Ground(free=2_000_000_000)).trouble(is_licence_accepted=True) is None


def test_a_licence_that_asks_must_be_accepted_first() -> None:
    planned = plan(choice(licence=Licence("research-only", must_be_accepted=True)), Ground())

    trouble = planned.trouble(is_licence_accepted=False)
    assert isinstance(trouble, LicenceNotAccepted)
    assert "`herd info" in (trouble.hint or ""), "there is no address to read it at"
    assert planned.trouble(is_licence_accepted=True) is None


def test_a_licence_is_not_asked_for_again_once_the_model_is_installed() -> None:
    asks = Licence("research-only", must_be_accepted=True)

    assert not plan(choice(licence=asks), Ground(is_installed=True)).needs_acceptance


def test_a_withdrawn_model_names_its_successor() -> None:
    trouble = plan(choice(status=Status.REVOKED), Ground()).trouble(is_licence_accepted=True)

    assert isinstance(trouble, CannotRun)
    assert trouble.message == "tiny was withdrawn: its bytes changed."
    assert trouble.hint == "`herd install tiny-2` has its successor."


def test_weights_that_no_program_here_reads_are_refused_before_the_first_byte() -> None:
    trouble = plan(choice(form=Format.RAW), Ground()).trouble(is_licence_accepted=True)

    assert isinstance(trouble, CannotRun)
    assert "raw" in trouble.message


def test_the_verdict_on_memory_has_three_words() -> None:
    gigabyte = 1_000_000_000

    assert [fit(size * gigabyte, 10 * gigabyte) for size in (6, 8, 9)] == [
        Fit.FITS,
        Fit.TIGHT,
        Fit.TOO_BIG,
    ]
    assert fit(None, gigabyte) is Fit.UNKNOWN


def test_the_first_bytes_tell_the_format() -> None:
    heads = [b"GGUF\3\0", b"lmgg", b"fmgg", b"tjgg", b"<!do", b""]

    assert [is_of_format(head) for head in heads] == [
        Format.GGUF,
        Format.GGML,
        Format.GGML,
        Format.GGML,
        Format.RAW,
        Format.RAW,
    ]
