import pytest


@pytest.fixture
def root(tmp_path):
    """The folder of the local store."""
    return tmp_path / "files"


@pytest.fixture
def files_on_disk(root):
    """Return the paths of all files below the root, hidden ones too."""
    return lambda: sorted(path for path in root.rglob("*") if not path.is_dir())
