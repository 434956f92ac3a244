# Fonctions communes des étapes ; à lire (« . lib.sh »), pas à exécuter.

fail() {
  echo "ERREUR : $*" >&2
  exit 1
}

# need NOM « à quoi elle sert » : la variable existe et n'est pas vide.
need() {
  eval "value=\${$1:-}"
  [ -n "$value" ] || fail "la variable $1 est absente ($2)"
}

# composer_install [options] : dépendances du composer.lock, depuis le seul dépôt Composer autorisé.
composer_install() {
  [ -f composer.json ] || fail "composer.json est absent de la racine du dépôt"
  [ -f composer.lock ] || fail "composer.lock est absent : exécuter « composer update » et le livrer avec composer.json"
  composer install --no-interaction --no-progress --no-scripts --no-plugins --prefer-dist "$@"
}
