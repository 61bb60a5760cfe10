"""The environment in which llama.cpp's child lives."""

from __future__ import annotations

from herd.engine.process import surroundings


def test_the_threads_of_a_model_give_a_processor_up_that_another_program_needs() -> None:
    child = surroundings({"HOME": "/home/me"})

    assert child == {"HOME": "/home/me", "GOMP_SPINCOUNT": "1000", "GGML_NO_BACKTRACE": "1"}


def test_what_the_person_chose_for_the_threads_holds() -> None:
    assert surroundings({"GOMP_SPINCOUNT": "7"})["GOMP_SPINCOUNT"] == "7"
    assert "GOMP_SPINCOUNT" not in surroundings({"OMP_WAIT_POLICY": "active"})
