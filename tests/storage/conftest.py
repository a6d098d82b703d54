import pytest
from helpers.databases import app, postgresql, postgresql_database  # noqa: F401
from helpers.runner import client, context  # noqa: F401
from helpers.s3 import s3_client, s3_settings, s3_url  # noqa: F401
from helpers.site import Site, serving

from qhana_plugin_runner.db.models.tasks import ProcessingTask


@pytest.fixture
def site():
    site = Site()
    with serving(site) as site.url:
        yield site


@pytest.fixture
def task(context):  # noqa: F811
    task = ProcessingTask("a-task")
    task.save(commit=True)
    return task


@pytest.fixture
def root(tmp_path):
    """The folder of the local store."""
    return tmp_path / "files"


@pytest.fixture
def files_on_disk(root):
    """Return the paths of all files below the root, hidden ones too."""
    return lambda: sorted(path for path in root.rglob("*") if not path.is_dir())
