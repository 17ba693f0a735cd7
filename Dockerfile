# Headgate as an image: `docker build --tag headgate .`
# One image for everything: `serve` (the default), `worker`, `migrate` and every other command.

# The version that the tests run with, and constraints.txt was made for.
ARG PYTHON=3.11-slim-bookworm
ARG NODE=22-bookworm-slim

FROM node:${NODE} AS pages
WORKDIR /build/ui
COPY ui/package.json ui/package-lock.json ui/.npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund
COPY schema.graphql ../
COPY ui ./
RUN npm run build

FROM python:${PYTHON} AS build
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv --without-pip /opt/headgate
COPY pyproject.toml hatch_build.py constraints.txt README.md LICENSE ./
COPY headgate ./headgate
COPY --from=pages /build/headgate/server/built_pages headgate/server/built_pages
RUN --mount=type=cache,target=/root/.cache/pip \
    pip wheel --no-deps --wheel-dir /wheels . \
 && pip --python /opt/headgate/bin/python install --constraint constraints.txt \
      "headgate[otel] @ file://$(echo /wheels/headgate-*.whl)"

FROM python:${PYTHON}
RUN groupadd --system --gid 10001 headgate \
 && useradd --system --uid 10001 --gid headgate --no-create-home --home-dir /var/lib/headgate headgate \
 && install --directory --owner headgate --group headgate --mode 0700 /var/lib/headgate
COPY --from=build /opt/headgate /opt/headgate
COPY deploy/container /opt/headgate/container
# In a container nobody but the container's network reaches 0.0.0.0; what is published is up to whoever runs it.
ENV PATH=/opt/headgate/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HEADGATE_HOME=/var/lib/headgate \
    HEADGATE_HOST=0.0.0.0 \
    HEADGATE_LOG_FORMAT=json
USER 10001:10001
WORKDIR /var/lib/headgate
# The database, the files and the datasets where nothing else is set; what is being worked on, where it is.
VOLUME /var/lib/headgate
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "/opt/headgate/container/is_alive.py"]
ENTRYPOINT ["headgate"]
CMD ["serve"]
