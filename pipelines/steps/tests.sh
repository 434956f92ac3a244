#!/bin/sh
# Tests de l'application : dépendances de développement, puis PHPUnit ; le résultat est junit.xml.
# Là où l'exécuteur a de quoi les mesurer, aussi coverage.xml (pcov ou xdebug), phpcs.json (PSR-12) et phpstan.json (si
# l'application a sa configuration) : ces mesures ne font jamais échouer le travail, AM Cloud les juge.
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

set -- --log-junit junit.xml
if [ -d src ] && php -m | grep -qix -e pcov -e xdebug; then
  set -- "$@" --coverage-filter src --coverage-cobertura coverage.xml
fi
outcome=0
XDEBUG_MODE=coverage "$phpunit" "$@" || outcome=$?

measure_quality
exit "$outcome"
