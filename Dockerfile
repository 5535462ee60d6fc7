# syntax=docker/dockerfile:1
FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /source
RUN python -m venv /opt/tolbooth
COPY requirements.lock ./
RUN /opt/tolbooth/bin/pip install --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE tolbooth.py ./
COPY devices devices
COPY ingest ingest
COPY simulators simulators
COPY dashboards dashboards
RUN /opt/tolbooth/bin/pip install --no-deps . \
  && /opt/tolbooth/bin/python -m compileall -q /opt/tolbooth/lib

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="Tolbooth" org.opencontainers.image.licenses="Apache-2.0"
# Volumes take the owner of the folder that they are mounted on: these belong to the user of the container.
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin tolbooth \
  && install --directory --owner tolbooth --group tolbooth /data /state \
  && for one in mosquitto influxdb ingest authority accounts grafana; do \
       install --directory --owner tolbooth --group tolbooth "/secrets/$one"; done
COPY --from=build /opt/tolbooth /opt/tolbooth
ENV PATH=/opt/tolbooth/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /data
USER 10001:10001
ENTRYPOINT ["tolbooth"]
CMD ["--help"]
