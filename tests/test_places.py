from __future__ import annotations

from pathlib import Path

from herd.places import places


def test_herd_home_puts_everything_under_one_folder(tmp_path: Path) -> None:
    where = places({"HERD_HOME": str(tmp_path)})

    paths = [
        where.blobs,
        where.models,
        where.manifests,
        where.staging,
        where.locks,
        where.chats,
        where.config_file,
        where.user_registries,
        where.log_file,
        where.engine_log,
        where.cache,
    ]

    assert all(path.is_relative_to(tmp_path) for path in paths)


def test_asking_for_places_makes_no_folder(tmp_path: Path) -> None:
    places({"HERD_HOME": str(tmp_path / "new")})

    assert not (tmp_path / "new").exists()


def test_without_herd_home_the_platform_decides() -> None:
    assert places({}).store.name == "herd"
