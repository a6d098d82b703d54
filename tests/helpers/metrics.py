"""Metrics as Prometheus reads them."""

import requests
from prometheus_client.parser import text_string_to_metric_families


def values_of(text):
    """Return the value of each sample of an answer, by its name and the values of its labels."""
    return {
        (sample.name, *(value for _label, value in sorted(sample.labels.items()))): (
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


class Scrapes:
    """Metrics at a URL, and what has changed since this was made."""

    def __init__(self, url):
        self.url = url
        self._before = self.now()

    def now(self):
        """Return all values."""
        answer = requests.get(self.url, timeout=30)
        assert answer.status_code == 200, answer.text
        return values_of(answer.text)

    def changed(self):
        """Return by how much the values have changed."""
        now = self.now()
        return {key: now[key] - self._before.get(key, 0) for key in now}
