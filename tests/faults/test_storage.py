"""The place where results are kept is full, or fails every now and then."""

from collections import Counter

import pytest
import requests
from helpers.faults import start
from helpers.site import serving
from helpers.sockets import free_port
from werkzeug.wrappers import Request, Response

# They are about one connection, and so not passed on (RFC 9110, section 7.6.1).
OF_THE_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "content-encoding"}


class EverySecondFails:
    """An S3 server that answers every second request for an object with an error.

    Counted by object, so that requests of others at the same time cannot take the turns at
    which a request that is tried again would pass.

    Args:
        url: of the server that answers the others
    """

    def __init__(self, url):
        self._url = url
        self._asked = Counter()
        self.answered = Counter()

    def __call__(self, environ, start_response):
        request = Request(environ)
        body = request.get_data()
        self._asked[request.method, request.path] += 1
        if self._asked[request.method, request.path] % 2:
            self.answered["failed"] += 1
            return Response(status=503)(environ, start_response)
        target = self._url + environ["REQUEST_URI"]
        # The name of the host is signed.
        headers = {name: value for name, value in request.headers.items() if value}
        answer = requests.request(
            request.method, target, headers=headers, data=body, timeout=30
        )
        self.answered["passed on"] += 1
        kept = {
            name: value
            for name, value in answer.headers.items()
            if name.lower() not in OF_THE_CONNECTION
        }
        response = Response(answer.content, status=answer.status_code)
        response.headers.update(kept)
        return response(environ, start_response)


@pytest.mark.fault(
    "The disk is full while a task saves a result", "failed, with the reason"
)
def test_a_result_that_does_not_fit_fails_its_task_and_leaves_nothing(site):
    run = site.submit("fill_disk")
    status = run.ended()
    assert (status["status"], status["state"]) == ("FAILURE", "failed")
    assert "File too large" in status["log"]
    assert status["outputs"] == []
    assert list(site.product.instance.glob(f"files/task_{run.id}/**/*.*")) == []
    assert site.submit("save_file").ended()["state"] == "succeeded"


@pytest.mark.fault("Every second call to the S3 server fails", "results are stored once")
# The database has no part in it.
@pytest.mark.parametrize("site", ["sqlite"], indirect=True)
def test_results_are_kept_although_every_second_call_fails(site, s3_settings):
    server = EverySecondFails(s3_settings["S3_ENDPOINT_URL"])
    with serving(server) as url:
        settings = {**s3_settings, "S3_ENDPOINT_URL": url, "DEFAULT_FILE_STORE": "s3"}
        port = free_port()
        with (
            site.web(port, **settings),
            site.worker("--queues", "s3", "--concurrency", "2", **settings),
        ):
            with_s3 = (f"http://127.0.0.1:{port}/", site.folder, "process/")
            runs = [start(*with_s3, "save_file", queue="s3") for _ in range(10)]
            for run in runs:
                status = run.ended()
                assert status["state"] == "succeeded", status["log"]
                (output,) = status["outputs"]
                assert requests.get(output["href"], timeout=60).text == "content"
    assert server.answered["failed"] >= 10
