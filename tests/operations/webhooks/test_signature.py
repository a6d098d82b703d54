"""Calls are signed in the format of https://www.standardwebhooks.com."""

import hmac
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from helpers.outbox import deliver, deliveries, make_due, make_task_with
from helpers.runner import runner

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.db import as_utc
from qhana_plugin_runner.operations.webhooks.signature import signature_headers
from qhana_plugin_runner.tasking.outbox import enqueue
from qhana_plugin_runner.util.config import ConfigError

KEYS = [bytes(range(24)), bytes(range(64))]
SECRETS = ["whsec_" + b64encode(key).decode("ascii") for key in KEYS]


def headers_of_calls(tmp_path, webhook, secret, events):
    """Return the headers of the calls for a task, and the rows."""
    settings = {"WEBHOOK_SECRET": secret} if secret else {}
    with runner(tmp_path, PLUGIN_FOLDERS=[], **settings) as app, app.app_context():
        enqueue(make_task_with((webhook.url, None)), *events)
        DB.session.commit()
        deliver(app)
        make_due()
        deliver(app)
        return webhook.headers_got, deliveries()


def expected_signature(key, headers):
    """Return the signature as a receiver computes it."""
    content = f"{headers['Webhook-Id']}.{headers['Webhook-Timestamp']}."
    digest = hmac.new(key, content.encode("utf-8"), sha256).digest()
    return "v1," + b64encode(digest).decode("ascii")


def test_without_a_secret_nothing_is_signed(tmp_path, webhook):
    (headers,), _ = headers_of_calls(tmp_path, webhook, None, ["status"])
    assert not [name for name in headers if name.lower().startswith("webhook-")]


def test_a_receiver_can_verify_a_call(tmp_path, webhook):
    (headers,), (row,) = headers_of_calls(tmp_path, webhook, SECRETS[0], ["status"])
    assert headers["Webhook-Signature"] == expected_signature(KEYS[0], headers)
    signed_at = int(headers["Webhook-Timestamp"])
    assert int(as_utc(row.created_at).timestamp()) <= signed_at
    assert signed_at <= as_utc(row.last_attempt_at).timestamp()
    assert "." not in headers["Webhook-Id"]


def test_an_example_of_the_standard_is_signed_as_there():
    # https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    headers = signature_headers(
        [b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")],
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        datetime.fromtimestamp(1614265330, UTC),
        b'{"test": 2432232314}',
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_while_secrets_change_there_is_a_signature_for_each(tmp_path, webhook):
    (headers,), _ = headers_of_calls(tmp_path, webhook, " ".join(SECRETS), ["status"])
    signatures = headers["Webhook-Signature"].split(" ")
    assert signatures == [expected_signature(key, headers) for key in KEYS]


def test_the_id_is_the_same_for_all_attempts_of_a_call_only(tmp_path, webhook):
    webhook.statuses.put(500)
    got, rows = headers_of_calls(tmp_path, webhook, SECRETS[0], ["status", "details"])
    assert [row.attempts for row in rows] == [2, 1]
    first, other, again = (headers["Webhook-Id"] for headers in got)
    assert first == again != other


@pytest.mark.parametrize(
    "secret",
    [
        "secret",
        b64encode(KEYS[0]).decode("ascii"),
        "whsec_!!!" + "A" * 40,
        "whsec_" + b64encode(b"secret").decode("ascii"),
        f"{SECRETS[0]} whsec_",
        ["whsec_", SECRETS[0]],
        7,
    ],
)
def test_what_is_no_secret_is_refused_and_not_repeated(tmp_path, secret):
    with pytest.raises(ConfigError, match="WEBHOOK_SECRET.*must be whsec_") as refused:
        with runner(tmp_path, WEBHOOK_SECRET=secret):
            pass
    assert str(secret) not in str(refused.value)
