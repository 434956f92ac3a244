#!/bin/sh
# Image de l'application : dépendances de production, construction par buildah sans réseau, envoi au registre.
# Le résultat est image.json : {"image", "digest", "revision", "base": {"name", "digest"}, "template"}.
#
# Lit : CI_COMMIT_SHA, CI_REGISTRY_IMAGE, CI_PROJECT_URL (d'où vient la révision), AMCLOUD_PHP_BASE_IMAGE
# (facultative : image de base à la place de celle du Dockerfile), AMCLOUD_TEMPLATE (facultative : projet@version du
# modèle), CI_REGISTRY_USER et CI_REGISTRY_PASSWORD (facultatives : compte du registre).
# Se lance à la racine de l'application.
set -eu
. "$(dirname "$0")/lib.sh"

need CI_COMMIT_SHA "la révision construite"
need CI_REGISTRY_IMAGE "le nom de l'image, sans étiquette"
[ -f Dockerfile ] || fail "Dockerfile est absent de la racine du dépôt"

# Composer écrit la version de l'application dans vendor/ : le commit, et non la branche ou l'étiquette d'où il vient.
export COMPOSER_ROOT_VERSION="dev-$CI_COMMIT_SHA"
umask 022
# Les extensions PHP sont celles de l'image, que son Dockerfile vérifie, et non celles de l'exécuteur.
composer_install --no-dev --optimize-autoloader --ignore-platform-req='ext-*'
name_autoloader

if [ -n "${CI_REGISTRY_PASSWORD:-}" ]; then
  printf '%s' "$CI_REGISTRY_PASSWORD" | buildah login --username "$CI_REGISTRY_USER" --password-stdin "$CI_REGISTRY"
fi

image="$CI_REGISTRY_IMAGE:$CI_COMMIT_SHA"
set -- --format oci --tag "$image" \
  --label "org.opencontainers.image.revision=$CI_COMMIT_SHA" \
  --label "org.opencontainers.image.source=${CI_PROJECT_URL:-}"
# L'étiquette de l'image de base devient une empreinte ici : elle est dans l'image, dans image.json et dans l'attestation.
base=${AMCLOUD_PHP_BASE_IMAGE:-$(sed -n 's/^ARG BASE_IMAGE=//p' Dockerfile | head -n 1)}
[ -n "$base" ] || fail "Dockerfile ne commence pas par « ARG BASE_IMAGE=… » : l'image de base n'est pas connue"
if ! base_digest=$(digest_of "$base"); then
  if registry_down "$base"; then unavailable "le registre ${base%%/*}"; fi
  fail "l'image de base $base ne peut pas être prise (lisez la ligne précédente)"
fi
set -- "$@" --build-arg "BASE_IMAGE=$(name_of "$base")@$base_digest" \
  --label "org.opencontainers.image.base.name=$base" \
  --label "org.opencontainers.image.base.digest=$base_digest"
# La date du commit est celle de l'image : deux constructions d'une même révision ont la même empreinte.
if timestamp=$(git log -1 --format=%ct 2>/dev/null); then
  set -- "$@" --timestamp "$timestamp"
fi
# Rien ne se télécharge pendant la construction, ni par RUN ni par ADD : les dépendances viennent d'être prises, par
# Composer, du dépôt agréé, et l'image de base est déjà là.
without_network buildah build --pull=false "$@" .

digests=$(mktemp)
if ! buildah push --digestfile "$digests" "$image"; then
  if registry_down "$image"; then unavailable "le registre ${image%%/*}"; fi
  fail "le registre refuse l'image $image (lisez la ligne précédente)"
fi
digest=$(cat "$digests")
rm -f "$digests"
printf '{"image": "%s", "digest": "%s", "revision": "%s", "base": {"name": "%s", "digest": "%s"}, "template": "%s"}\n' \
  "$CI_REGISTRY_IMAGE" "$digest" "$CI_COMMIT_SHA" "$base" "$base_digest" "${AMCLOUD_TEMPLATE:-}" \
  >image.json
cat image.json
