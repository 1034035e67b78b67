# `docker build -t droplet-backup-inventory .`, then `docker run -v inventory:/var/lib/inventory ...`, or see
# docker-compose.yml. It runs the daemon unless told otherwise: `docker run ... sync`. Nothing is written outside the
# volume: `--read-only` works. The base image is named by its tag, so that it brings security fixes; add a digest where
# two builds must be the same. What of this was tried, and how: docs/operations.md.

FROM python:3.11-slim AS build
WORKDIR /build
COPY requirements/build.txt requirements/runtime.txt requirements/
RUN python -m venv --without-pip /opt/inventory \
    && pip --python /opt/inventory/bin/python install --no-cache-dir --require-hashes -r requirements/runtime.txt \
    && pip install --no-cache-dir --require-hashes -r requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY migrations migrations
COPY inventory inventory
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir dist . \
    && pip --python /opt/inventory/bin/python install --no-cache-dir --no-deps dist/*.whl

FROM python:3.11-slim
RUN useradd --uid 10001 --no-create-home --home-dir /var/lib/inventory --shell /usr/sbin/nologin inventory \
    && install --directory --owner inventory --group inventory --mode 0700 /var/lib/inventory
COPY --from=build /opt/inventory /opt/inventory
ENV PATH=/opt/inventory/bin:$PATH
# glibc reserves 64 MB of addresses for each thread otherwise.
ENV MALLOC_ARENA_MAX=2
# By number, so that Kubernetes can see that it is not root.
USER 10001:10001
WORKDIR /var/lib/inventory
VOLUME /var/lib/inventory
# The first answer may take as long as the daemon waits for its database.
HEALTHCHECK --interval=30s --timeout=10s --start-period=90s --retries=3 CMD ["inventory", "health"]
ENTRYPOINT ["inventory"]
CMD ["daemon"]
