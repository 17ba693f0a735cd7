"""Files of this machine are listed, read and written in allowed folders alone."""

from pathlib import Path

import pytest

from headgate.errors import JobFault
from headgate.storage.folders import Folders


def unheeded(count: int) -> None:
    """Nobody follows."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "allowed"
    made.mkdir()
    return made


def put(folder: Path, name: str, content: str = "x") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refused(folder: Path, key: str) -> JobFault:
    with pytest.raises(JobFault) as caught:
        Folders([folder]).head(key)
    return caught.value


def test_files_are_listed_in_the_order_of_their_paths(folder: Path) -> None:
    for name in ("b/2.csv", "a.csv", "b/1.csv", "c.csv"):
        put(folder, name)
    assert [each.key for each in Folders([folder]).objects("b")] == ["b/1.csv", "b/2.csv"]
    assert [each.key for each in Folders([folder]).objects("b/")] == ["b/1.csv", "b/2.csv"]
    assert [each.key for each in Folders([folder]).objects(f"{folder}/")] == [
        f"{folder}/{name}" for name in ("a.csv", "b/1.csv", "b/2.csv", "c.csv")
    ]


def test_a_folder_that_is_not_there_holds_nothing(folder: Path) -> None:
    assert list(Folders([folder]).objects("nothing/here/")) == []


@pytest.mark.parametrize("key", ["../secret", "a/../../secret", "/etc/passwd", "/", "\0"], ids=repr)
def test_paths_out_of_the_folders_are_refused(folder: Path, key: str) -> None:
    put(folder.parent, "secret")
    fault = refused(folder, key)
    assert fault.code == "PATH_NOT_ALLOWED"
    assert str(folder) not in fault.message


def test_a_folder_whose_name_goes_on_is_another_one(folder: Path) -> None:
    put(folder.parent / "allowed-not", "a")
    assert refused(folder, f"{folder}-not/a").code == "PATH_NOT_ALLOWED"


def test_links_out_of_the_folders_are_refused(folder: Path) -> None:
    secret = put(folder.parent, "outside/secret")
    (folder / "file").symlink_to(secret)
    (folder / "linked").symlink_to(secret.parent)
    for key in ("file", "linked/secret"):
        assert refused(folder, key).code == "PATH_NOT_ALLOWED"
    with pytest.raises(JobFault, match="PATH_NOT_ALLOWED"):
        list(Folders([folder]).objects())
    with pytest.raises(JobFault, match="PATH_NOT_ALLOWED"):
        Folders([folder]).upload(secret, "linked/new", heed=unheeded)
    assert names(secret.parent) == ["secret"]


def test_links_within_the_folders_are_followed(folder: Path) -> None:
    put(folder, "real.csv", "content")
    (folder / "link.csv").symlink_to("real.csv")
    assert [each.key for each in Folders([folder]).objects()] == ["link.csv", "real.csv"]


def test_links_in_a_ring_are_told(folder: Path) -> None:
    (folder / "ring").symlink_to("ring")
    fault = refused(folder, "ring/file")
    assert fault.code == "PATH_UNUSABLE"
    assert str(folder) not in fault.message


def test_no_folder_is_allowed_unless_told() -> None:
    with pytest.raises(JobFault, match="PATH_NOT_ALLOWED"):
        list(Folders([]).objects("/tmp/"))


def test_a_file_is_copied_whole(folder: Path, tmp_path: Path) -> None:
    put(folder, "data", "content")
    heard: list[int] = []
    (found,) = Folders([folder]).objects()
    Folders([folder]).download(found, tmp_path / "copy", max_bytes=7, heed=heard.append)
    assert (tmp_path / "copy").read_text() == "content"
    assert heard == [7]


def test_a_file_that_is_too_large_is_not_copied(folder: Path, tmp_path: Path) -> None:
    put(folder, "data", "content")
    (found,) = Folders([folder]).objects()
    with pytest.raises(JobFault, match="OBJECT_TOO_LARGE"):
        Folders([folder]).download(found, tmp_path / "copy", max_bytes=6, heed=unheeded)


def test_a_file_that_changes_meanwhile_is_not_copied(folder: Path, tmp_path: Path) -> None:
    path = put(folder, "data", "content")
    (found,) = Folders([folder]).objects()
    path.write_text("longer content")
    with pytest.raises(JobFault, match="OBJECT_CHANGED"):
        Folders([folder]).download(found, tmp_path / "copy", max_bytes=100, heed=unheeded)
    assert not (tmp_path / "copy").exists()


def test_a_file_is_written_in_the_place_of_another(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "new").write_text("new")
    put(folder, "out/data", "old")
    put(folder, "out/.data.headgate-unfinished", "left by an attempt that was killed")
    stored = Folders([folder]).upload(tmp_path / "new", "out/data", heed=unheeded)
    assert (folder / "out" / "data").read_text() == "new"
    assert stored == Folders([folder]).head("out/data")
    assert names(folder / "out") == ["data"]


def test_a_write_that_ends_early_leaves_the_old_file(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "new").write_text("new")
    put(folder, "data", "old")

    def stop(count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Folders([folder]).upload(tmp_path / "new", "data", heed=stop)
    assert names(folder) == ["data"]
    assert (folder / "data").read_text() == "old"


def test_what_the_system_refuses_is_told_without_a_path(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "new").write_text("new")
    put(folder, "file")
    with pytest.raises(JobFault) as caught:
        Folders([folder]).upload(tmp_path / "new", "file/below", heed=unheeded)
    assert caught.value.code == "PATH_UNUSABLE"
    assert str(tmp_path) not in caught.value.message


def test_a_file_is_removed_where_it_is(folder: Path) -> None:
    put(folder, "data")
    for _ in range(2):
        Folders([folder]).delete("data")
    assert names(folder) == []
