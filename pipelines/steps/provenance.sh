#!/bin/sh
# L'attestation de l'image : prise du registre, à côté de l'image, signature vérifiée avec la clé publique de la
# plateforme. Le résultat est provenance.json (déclaration in-toto, prédicat SLSA v1). AM Cloud signe quand il a vérifié le
# pipeline, hors de tout travail : la clé privée n'est jamais ici.
#
# Lit : image.json ; AMCLOUD_PROVENANCE_PUBLIC_KEY (clé publique Ed25519, en base64), AMCLOUD_REGISTRY_URL (facultative :
# https://<registre> sans elle), CI_COMMIT_SHA.
set -eu
. "$(dirname "$0")/lib.sh"

need AMCLOUD_PROVENANCE_PUBLIC_KEY "la clé publique d'AM Cloud, que la plateforme donne"
need CI_COMMIT_SHA "la révision"
[ -f image.json ] || fail "image.json est absent : image.sh passe avant provenance.sh"
exec php "$(dirname "$0")/provenance.php"
