"""Choice of the Chromium for the browser tests."""

from pathlib import Path

import pytest

from browser import executable


@pytest.fixture(autouse=True)
def _bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def find(folder: Path) -> executable.Executable:
    return executable.find(folder / "downloaded", folder / "unpacked")


def test_no_browser_is_an_error_with_its_remedy(tmp_path: Path) -> None:
    with pytest.raises(executable.NoBrowserError, match=r"no Chromium.*`make browser`") as error:
        find(tmp_path)
    assert "\n" not in str(error.value)


def test_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "downloaded").touch()
    assert find(tmp_path).path == tmp_path / "downloaded"
    (tmp_path / "unpacked").mkdir()
    assert find(tmp_path).path == tmp_path / "downloaded"
    (tmp_path / "unpacked" / "complete").touch()
    assert find(tmp_path).path == tmp_path / "unpacked" / "chromium"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "google-chrome").touch(0o755)
    assert find(tmp_path).path == tmp_path / "bin" / "google-chrome"
    monkeypatch.setenv("CHROMIUM", "/somewhere/else")
    assert find(tmp_path) == executable.Executable(Path("/somewhere/else"))


def test_packaged_browser_finds_its_libraries_and_fonts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/lib")
    (tmp_path / "unpacked").mkdir()
    (tmp_path / "unpacked" / "complete").touch()
    assert find(tmp_path).environment == {
        "LD_LIBRARY_PATH": f"{tmp_path}/unpacked/al2023/lib:/opt/lib",
        "FONTCONFIG_FILE": f"{tmp_path}/unpacked/fonts.conf",
    }
