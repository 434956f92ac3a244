#!/bin/sh
# Ce que les normes disent du commit : le texte dans le journal, psram.sarif et psram-codequality.json pour la demande de
# fusion. Échoue quand une règle bloquante est violée ; dans GitLab cela avertit sans arrêter la chaîne, puisque la porte
# d'AM Cloud, qui connaît aussi les preuves et les dérogations, est seule à refuser.
#
# Lit : CI_COMMIT_SHA ; AMCLOUD_TRACK et AMCLOUD_STAGE (facultatives : filière et étape visées), COMPOSER_REPOSITORY_URL
# (facultative : le dépôt de paquets agréé), AMCLOUD_ADVISORIES (facultative : base d'avis de sécurité).
# Se lance à la racine de l'application, dans un clone git. L'exécuteur a « amcloud » (voir README.md).
set -eu
. "$(dirname "$0")/lib.sh"

need CI_COMMIT_SHA "la révision vérifiée"
command -v amcloud >/dev/null || fail "« amcloud » est absent de l'exécuteur : la conformité n'est pas vérifiée ici"

# Un clone superficiel n'a qu'une partie de l'histoire : ce qu'il n'a pas reste « à confirmer par la plateforme ».
set -- check . --commit "$CI_COMMIT_SHA" --track "${AMCLOUD_TRACK:-homologation}" --stage "${AMCLOUD_STAGE:-acceptance}" \
  --also sarif=psram.sarif --also codequality=psram-codequality.json
if [ -n "${COMPOSER_REPOSITORY_URL:-}" ]; then
  set -- "$@" --source "$COMPOSER_REPOSITORY_URL"
fi
amcloud "$@"
