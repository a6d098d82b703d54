"""The whole product with its files in S3: what a worker keeps, the web server serves."""

import requests
from helpers.processes import wait_until
from helpers.product import Product

SECONDS = 60


def test_a_result_is_kept_in_the_bucket_and_downloaded_through_the_runner(
    tmp_path, s3_client, s3_settings
):
    environment = {"DEFAULT_FILE_STORE": "s3", **s3_settings}
    with Product(tmp_path / "instance", environment=environment) as product:
        process = f"{product.url}plugins/hello-world@v1-0-0/process/"
        answer = requests.post(process, data={"inputStr": "bucket"}, timeout=30)
        task_url = answer.url

        def has_ended():
            return requests.get(task_url, timeout=30).json()["status"] != "PENDING"

        wait_until(has_ended, SECONDS, "the end of the task")
        task = requests.get(task_url, timeout=30).json()
        assert task["status"] == "SUCCESS", task["log"]
        (output,) = task["outputs"]
        assert output["href"].startswith(f"{product.url}files/")
        assert requests.get(output["href"], timeout=30).text == "Hello bucket!"
    listed = s3_client.list_objects_v2(
        Bucket=s3_settings["S3_BUCKET"], Prefix=s3_settings["S3_KEY_PREFIX"]
    )
    # A health check that was at work when the product was stopped leaves its file.
    files = [each for each in listed["Contents"] if "health-check" not in each["Key"]]
    (kept,) = files
    assert kept["Size"] == len("Hello bucket!")
    assert not list((tmp_path / "instance").glob("files/**/*.txt"))
