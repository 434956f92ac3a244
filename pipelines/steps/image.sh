#!/bin/sh
# Image de l'application : dépendances de production, construction par buildah, envoi au registre.
# Le résultat est image.json : {"image", "digest", "revision"}.
#
# Lit : CI_COMMIT_SHA, CI_REGISTRY_IMAGE, CI_PROJECT_URL (d'où vient la révision), AMCLOUD_PHP_BASE_IMAGE
# (facultative : image de base à la place de celle du Dockerfile), CI_REGISTRY_USER et CI_REGISTRY_PASSWORD
# (facultatives : compte du registre).
# Se lance à la racine de l'application.
set -eu
. "$(dirname "$0")/lib.sh"

need CI_COMMIT_SHA "la révision construite"
need CI_REGISTRY_IMAGE "le nom de l'image, sans étiquette"
[ -f Dockerfile ] || fail "Dockerfile est absent de la racine du dépôt"

composer_install --no-dev --optimize-autoloader

if [ -n "${CI_REGISTRY_PASSWORD:-}" ]; then
  printf '%s' "$CI_REGISTRY_PASSWORD" | buildah login --username "$CI_REGISTRY_USER" --password-stdin "$CI_REGISTRY"
fi

image="$CI_REGISTRY_IMAGE:$CI_COMMIT_SHA"
set -- --format oci --tag "$image" \
  --label "org.opencontainers.image.revision=$CI_COMMIT_SHA" \
  --label "org.opencontainers.image.source=${CI_PROJECT_URL:-}"
if [ -n "${AMCLOUD_PHP_BASE_IMAGE:-}" ]; then
  set -- "$@" --build-arg "BASE_IMAGE=$AMCLOUD_PHP_BASE_IMAGE"
fi
# La date du commit est celle de l'image : deux constructions d'une même révision ont la même empreinte.
if timestamp=$(git log -1 --format=%ct 2>/dev/null); then
  set -- "$@" --timestamp "$timestamp"
fi
buildah build "$@" .

digests=$(mktemp)
buildah push --digestfile "$digests" "$image"
digest=$(cat "$digests")
printf '{"image": "%s", "digest": "%s", "revision": "%s"}\n' "$CI_REGISTRY_IMAGE" "$digest" "$CI_COMMIT_SHA" >image.json
cat image.json
