# Fonctions communes des étapes ; à lire (« . lib.sh »), pas à exécuter.

fail() {
  echo "ERREUR : $*" >&2
  exit 1
}

# unavailable SERVICE : un service de la plateforme ne répond pas. AM Cloud reconnaît cette ligne dans le journal d'un travail
# qui échoue et relance le pipeline de lui-même, trois fois au plus : personne n'a à relancer ce que personne n'a cassé.
unavailable() {
  echo "INDISPONIBLE : $1" >&2
  exit 75
}

# answers URL : quelque chose répond à cette adresse, ne serait-ce que par un refus ; une erreur du serveur n'en est pas un.
answers() {
  php -r '
    $options = ["http" => ["ignore_errors" => true, "timeout" => 5]];
    $read = @file_get_contents($argv[1], false, stream_context_create($options), 0, 1);
    preg_match("/ (\d{3})/", $http_response_header[0] ?? "", $status);
    exit($read === false || (int) ($status[1] ?? 599) >= 500 ? 1 : 0);
  ' "$1"
}

# registry_down RÉFÉRENCE : le registre d'une image ne répond ni en https ni en http.
registry_down() {
  ! answers "https://${1%%/*}/v2/" && ! answers "http://${1%%/*}/v2/"
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
  composer install --no-interaction --no-progress --no-scripts --no-plugins --prefer-dist "$@" && return
  for url in $(php -r 'foreach (json_decode(file_get_contents("composer.json"), true)["repositories"] ?? [] as $one) echo $one["url"] ?? "", "\n";'); do
    answers "${url%/}/packages.json" || unavailable "le dépôt Composer $url"
  done
  fail "composer install a échoué (lisez les lignes précédentes)"
}

# tool NOM : le programme de l'application (vendor/bin), sinon celui de l'exécuteur ; échoue sans l'un ni l'autre.
tool() {
  if [ -x "vendor/bin/$1" ]; then
    echo "vendor/bin/$1"
  else
    command -v "$1"
  fi
}

# measure_quality : phpcs.json et phpstan.json, si leurs outils sont là. Ce qu'ils trouvent n'est pas un échec.
measure_quality() {
  if [ -d src ] && phpcs=$(tool phpcs); then
    "$phpcs" -q --standard=PSR12 --extensions=php --basepath="$PWD" --report=json --report-file=phpcs.json src || :
  fi
  if [ -f phpstan.neon ] || [ -f phpstan.neon.dist ]; then
    if phpstan=$(tool phpstan); then
      "$phpstan" analyse --no-progress --no-interaction --error-format=json >phpstan.json || :
    fi
  fi
}

# name_autoloader : le suffixe de l'autoloader est l'empreinte du verrou et non un hasard, comme le fait Composer depuis 2.7.
name_autoloader() {
  suffix=$(sed -n 's/.*ComposerAutoloaderInit\([0-9a-f]\{32\}\)::getLoader.*/\1/p' vendor/autoload.php)
  lock=$(value_of content-hash composer.lock)
  case "$suffix:$lock" in
    *[!0-9a-f:]* | :* | *:) return ;;
  esac
  sed -i "s/$suffix/$lock/g" vendor/autoload.php vendor/composer/autoload_real.php vendor/composer/autoload_static.php
}

# without_network COMMANDE… : la commande dans un réseau vide (buildah ne sait pas le faire avec l'isolation « chroot »).
without_network() {
  if [ "$(id -u)" -eq 0 ]; then
    unshare --net -- "$@"
  else
    buildah unshare unshare --net -- "$@"
  fi
}

# name_of RÉFÉRENCE : une référence d'image sans étiquette ni empreinte.
name_of() {
  printf '%s\n' "$1" | sed -e 's/@sha256:[0-9a-f]*$//' -e 's#:[^:/]*$##'
}

# digest_of RÉFÉRENCE : l'empreinte d'une image de base, prise du registre si elle n'est pas déjà sur l'exécuteur.
digest_of() {
  case "$1" in
    *@sha256:*)
      buildah pull --quiet --policy missing "$1" >/dev/null || return 1
      printf '%s\n' "${1##*@}"
      ;;
    *)
      buildah pull --quiet --policy ifnewer "$1" >/dev/null || return 1
      buildah inspect --type image --format '{{.FromImageDigest}}' "$1"
      ;;
  esac
}

# value_of CLÉ FICHIER : la valeur d'une clé d'un fichier JSON ; vide quand elle n'y est pas.
value_of() {
  php -r '$found = json_decode(file_get_contents($argv[2]), true); echo is_scalar($found[$argv[1]] ?? null) ? $found[$argv[1]] : "";' "$1" "$2"
}
