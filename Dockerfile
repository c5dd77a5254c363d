# The service, small: what is installed is the group `serve` of pyproject.toml, without Keras, JAX and Matplotlib, in the
# versions that are pinned there. `python scripts/docker/steps.py` runs these lines where there is no Docker.
#
#   docker build --tag inksight .
#   docker run --rm --publish 8000:8000 inksight
#   docker run --rm --publish 8000:8000 --volume ./runs:/srv/runs:ro inksight --model latest

# Fixes of security come with a build; where the same bytes are wanted, give it with @sha256:….
ARG PYTHON=3.13-slim-trixie

FROM python:${PYTHON} AS build
WORKDIR /build
ENV VIRTUAL_ENV=/opt/inksight UV_PYTHON_DOWNLOADS=never
RUN pip install --no-cache-dir uv==0.13.9
COPY LICENSE README.md pyproject.toml ./
RUN python -m venv --without-pip "$VIRTUAL_ENV" && uv pip install --compile-bytecode --group serve
COPY src src
RUN uv build --wheel && uv pip install --compile-bytecode --no-deps dist/*.whl

FROM python:${PYTHON}
COPY --from=build /opt/inksight /opt/inksight
ENV PATH=/opt/inksight/bin:$PATH
WORKDIR /srv
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["python", "-c", \
  "from http.client import HTTPConnection as To; it = To('127.0.0.1', 8000); it.request('GET', '/v2/health/ready'); \
  exit(it.getresponse().status != 200)"]
ENTRYPOINT ["inksight", "serve", "--host", "0.0.0.0"]
