# The operator's image. Nothing is downloaded during the build; three folders of wheels are given with the context:
#   tools/    pip                         (pip wheel --no-deps --wheel-dir tools pip)
#   wheels/   the project's dependencies  (pip wheel --wheel-dir wheels <those of pyproject.toml>)
#   product/  the project                 (pip wheel --no-deps --wheel-dir product .)
# `make demo` fills them. The result runs without root, on a read-only root file system (/tmp writable).
ARG BASE_IMAGE=localhost:5000/amcloud/python-base:3.11

FROM ${BASE_IMAGE}
USER 0

# A mounted folder is not part of what buildah's layer cache compares: these two arguments are.
ARG WHEELS_KEY=
RUN --mount=type=bind,source=tools,target=/tools \
    --mount=type=bind,source=wheels,target=/wheels \
    : "${WHEELS_KEY}" \
 && python3 -m venv --without-pip /opt/amcloud \
 && /opt/amcloud/bin/python "$(echo /tools/pip-*.whl)/pip" install --no-index --no-deps --no-cache-dir --quiet /wheels/*.whl

ARG PRODUCT_KEY=
RUN --mount=type=bind,source=tools,target=/tools \
    --mount=type=bind,source=product,target=/product \
    : "${PRODUCT_KEY}" \
 && /opt/amcloud/bin/python "$(echo /tools/pip-*.whl)/pip" install --no-index --no-deps --no-cache-dir --quiet /product/*.whl \
 && /opt/amcloud/bin/amcloud --help > /dev/null

# PYTHONSAFEPATH: the folder that a program is started in is never searched for modules.
ENV PATH=/opt/amcloud/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    LANG=C.UTF-8

LABEL org.opencontainers.image.title="Opérateur AM Cloud" \
      org.opencontainers.image.licenses="EUPL-1.2"

WORKDIR /
USER 10002:10002
ENTRYPOINT ["amcloud"]
