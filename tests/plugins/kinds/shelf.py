"""A plugin that brings a file store, and a task of its own without a page."""

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.storage import FileStore
from qhana_plugin_runner.util.plugins import QHAnaPluginBase


class Shelf(QHAnaPluginBase):
    name = "kind-name"
    version = "v0.2.1"
    description = "Keeps files on a shelf."
    tags = ["storage"]


class ShelfStore(FileStore, name="kind-name-store"):
    def persist_file(self, file_, target, mimetype):
        return f"shelf:{target}"

    def get_file_url(self, file_storage_data, external=True):
        return file_storage_data


@CELERY.task(name=f"{Shelf.instance.identifier}.tidy", bind=True)
def tidy(self):
    return "tidy"
