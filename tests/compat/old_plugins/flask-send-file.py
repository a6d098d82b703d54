import io
import os

from flask import Flask, send_file, send_from_directory


def check():
    app = Flask(__name__)
    with app.test_request_context():
        response = send_file(
            io.BytesIO(b"a"), attachment_filename="a.csv", cache_timeout=60
        )
        assert response.headers["Content-Disposition"].endswith("filename=a.csv")
        assert response.cache_control.max_age == 60
        folder, name = os.path.split(__file__)
        own = send_from_directory(directory=folder, filename=name)
        assert own.mimetype == "text/x-python"
        own.close()
