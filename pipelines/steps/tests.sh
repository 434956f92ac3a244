#!/bin/sh
# Tests de l'application : dépendances de développement, puis PHPUnit ; le résultat est junit.xml.
#
# Lit : TEST_DATABASE_URL (facultative : un vrai PostgreSQL, avec le droit d'y créer des bases).
# Se lance à la racine de l'application.
set -eu
. "$(dirname "$0")/lib.sh"

composer_install

if [ -x vendor/bin/phpunit ]; then
  phpunit=vendor/bin/phpunit
elif command -v phpunit >/dev/null; then
  phpunit=phpunit
else
  fail "PHPUnit est introuvable : l'ajouter à « require-dev » de composer.json"
fi
[ -f phpunit.xml ] || [ -f phpunit.xml.dist ] || fail "phpunit.xml.dist est absent : sans lui aucun test n'est désigné"

"$phpunit" --log-junit junit.xml
