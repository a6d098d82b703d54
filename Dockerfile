# The plugin runner: a web server, or with CONTAINER_MODE=worker a worker.
# To use it, see docs/how-to/containers.md.

# The only place that names the base. Python 3.11 supports the most plugins: many of them need
# packages that don't support later versions.
ARG BASE=docker.io/library/python:3.11-slim-bookworm

# hadolint ignore=DL3006
FROM ${BASE} AS build
WORKDIR /app
# Plugin sets in the image in addition to the light one, for example "learning quantum".
ARG PLUGIN_SETS=""
COPY scripts/environment scripts/
COPY pyproject.toml poetry.lock ./
# Packages of other plugins are added from a writable folder.
RUN for set in main ${PLUGIN_SETS}; do python3 scripts/environment "$set" || exit 1; done \
    && find .venv -name pyvenv.cfg -exec \
        sed -i 's/^\(include-system-site-packages = \)false/\1true/' {} +
ENV PATH=/app/.venv/quantum/bin:/app/.venv/bin:${PATH}
COPY LICENSE README.md tasks.py ./
COPY migrations migrations/
COPY translations translations/
COPY qhana_plugin_runner qhana_plugin_runner/
COPY plugins plugins/
# Plugins whose packages are not in the image are left out.
RUN PLUGIN_FOLDERS=plugins QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER=/tmp/build \
        python -m flask --app qhana_plugin_runner plugin list --json > /tmp/plugins.json \
    && python -c 'import json, shutil; [shutil.rmtree(each["folder"]) \
        for each in json.load(open("/tmp/plugins.json")) if each["state"] == "missing"]' \
    && python -m compileall -q qhana_plugin_runner plugins tasks.py \
    && rm -r scripts poetry.lock

# hadolint ignore=DL3006
FROM ${BASE}
ARG VERSION=""
LABEL org.opencontainers.image.title="QHAna plugin runner" \
      org.opencontainers.image.description="Serves QHAna plugins, and does their work" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/UST-QuAntiL/qhana-plugin-runner" \
      org.opencontainers.image.version="${VERSION}"
# Debian keeps only the latest version, so there is nothing to pin.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /tmp runner \
    && install --directory --owner=10001 --group=10001 \
        /app/instance /app/extra-plugins /app/git-plugins /app/packages
WORKDIR /app
COPY --from=build /app ./
ENV PATH=/app/.venv/quantum/bin:/app/.venv/bin:${PATH}:/app/packages/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONUSERBASE=/app/packages \
    PIP_USER=1 \
    PIP_NO_CACHE_DIR=1 \
    FLASK_APP=qhana_plugin_runner \
    QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER=/app/instance \
    PLUGIN_FOLDERS=/app/plugins:/app/extra-plugins:/app/git-plugins \
    CONTAINER_MODE=server \
    SERVER_PORT=8080 \
    GUNICORN_WORKERS=2 \
    CONCURRENCY=2 \
    CELERY_WORKER_POOL=threads \
    PERIODIC_SCHEDULER=false \
    DEFAULT_LOG_LEVEL=INFO \
    WORKER_HEARTBEAT_FILE=/tmp/worker-heartbeat
# The root file system may be read-only: only these folders and /tmp are written to.
VOLUME ["/app/instance", "/app/git-plugins", "/app/packages"]
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=10s --start-period=10m --retries=4 \
    CMD ["python", "-I", "-S", "/app/qhana_plugin_runner/launcher/container_health.py"]
# tini reaps processes that tasks leave behind, and forwards signals.
ENTRYPOINT ["tini", "--"]
CMD ["python", "-m", "invoke", "start-docker"]
