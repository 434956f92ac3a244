#!/bin/sh
# Où ce commit est déployé : ce qu'AM Cloud a inscrit dans la forge (déploiements et environnements). Attend qu'un
# déploiement se termine, dans la limite de AMCLOUD_FEEDBACK_WAIT_S secondes ; échoue s'il a échoué.
#
# Lit : CI_API_V4_URL, CI_PROJECT_ID, CI_COMMIT_SHA, CI_JOB_TOKEN ou AMCLOUD_FORGE_TOKEN (hors de GitLab : un jeton qui
# lit le projet), AMCLOUD_FEEDBACK_WAIT_S (facultative : 600 ; 0 dit l'état du moment).
set -eu
. "$(dirname "$0")/lib.sh"

need CI_API_V4_URL "l'API de la forge"
need CI_PROJECT_ID "le projet"
need CI_COMMIT_SHA "la révision"
exec php "$(dirname "$0")/feedback.php"
