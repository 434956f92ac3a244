#!/bin/sh
# Nomenclature de l'image en CycloneDX 1.6 : paquets de composer.lock (sans ceux de développement) et paquets Debian de
# l'image de base, lus dans l'image même. Le résultat est sbom.cdx.json ; une même image donne toujours le même fichier.
#
# Lit : image.json (laissé par image.sh) et composer.lock. Se lance à la racine de l'application.
set -eu
. "$(dirname "$0")/lib.sh"

[ -f image.json ] || fail "image.json est absent : image.sh passe avant sbom.sh"
[ -f composer.lock ] || fail "composer.lock est absent de la racine du dépôt"
image="$(value_of image image.json)@$(value_of digest image.json)"

folder=$(mktemp -d)
container=$(buildah from --pull=if-missing "$image")
# Rien de l'image n'est exécuté : son arborescence est montée, deux fichiers y sont lus.
buildah unshare sh -c '
  root=$(buildah mount "$1")
  for file in var/lib/dpkg/status etc/os-release; do
    [ -f "$root/$file" ] && [ ! -L "$root/$file" ] && cat "$root/$file" >"$2/$(basename "$file")"
  done
  [ -f "$2/os-release" ] || cat "$root/usr/lib/os-release" >"$2/os-release" || :
  buildah umount "$1" >/dev/null' sh "$container" "$folder" || :
buildah rm "$container" >/dev/null
[ -s "$folder/status" ] || fail "la liste des paquets de l'image de base (var/lib/dpkg/status) est illisible"

php "$(dirname "$0")/sbom.php" image.json composer.lock "$folder/status" "$folder/os-release" >sbom.cdx.json
rm -rf "$folder"
echo "sbom.cdx.json : $(grep -c '"purl"' sbom.cdx.json) composants"
