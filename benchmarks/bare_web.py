"""The limit of a web server: Flask and a body, nothing else."""

import os
from pathlib import Path

from flask import Flask, Response, request, send_file

app = Flask(__name__)
BODIES = Path(os.environ.get("BENCH_BODIES", "."))
_READ: dict[str, bytes] = {}


@app.get("/body/<name>")
def body(name: str) -> Response:
    """Give a body; its type is in the query."""
    if name not in _READ:
        _READ[name] = (BODIES / name).read_bytes()
    return Response(_READ[name], mimetype=request.args.get("type"))


@app.get("/unchanged")
def unchanged() -> Response:
    """Tell that nothing has changed."""
    return Response(status=304, headers={"ETag": request.headers["If-None-Match"]})


@app.get("/file")
def file() -> Response:
    """Give a file."""
    return send_file(request.args["path"], mimetype="text/plain")


@app.post("/process")
def process() -> Response:
    """Answer as a plugin does that has started a task."""
    return Response(status=303, headers={"Location": f"/{len(request.form)}"})
