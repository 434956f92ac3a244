<?php

/** Vérifie l'attestation d'une image et l'écrit dans provenance.json ; code 0 vérifiée, 1 refusée, 2 absente. */

declare(strict_types=1);

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const PAYLOAD = 'application/vnd.in-toto+json';

function refuse(string $why, int $code = 1): never
{
    fwrite(STDERR, "ERREUR : $why\n");
    exit($code);
}

function get(string $url, string $accept): ?string
{
    $options = ['header' => "Accept: $accept", 'timeout' => 20, 'ignore_errors' => true];
    $user = (string) getenv('CI_REGISTRY_USER');
    if ($user !== '') {
        $options['header'] .= "\r\nAuthorization: Basic " . base64_encode($user . ':' . getenv('CI_REGISTRY_PASSWORD'));
    }
    $body = @file_get_contents($url, false, stream_context_create(['http' => $options]), 0, 4 << 20);
    preg_match('# (\d{3})#', $http_response_header[0] ?? '', $status);
    return match ((int) ($status[1] ?? 0)) {
        200 => $body,
        404 => null,
        default => refuse('le registre ne donne pas l\'attestation : ' . ($status[1] ?? 'pas de réponse'), 2),
    };
}

$image = json_decode((string) file_get_contents('image.json'), true, 16, JSON_THROW_ON_ERROR);
[$registry, $name] = explode('/', $image['image'], 2);
$api = rtrim(getenv('AMCLOUD_REGISTRY_URL') ?: "https://$registry", '/') . "/v2/$name";
$content = get("$api/manifests/" . str_replace(':', '-', $image['digest']) . '.att', MANIFEST)
    ?? refuse('pas encore d\'attestation : AM Cloud la fait quand le pipeline a réussi', 2);
$manifest = json_decode($content, true, 16);
$layer = $manifest['layers'][0]['digest'] ?? '';
$envelope = get("$api/blobs/$layer", '*/*') ?? refuse('l\'attestation est incomplète');
hash_equals($layer, 'sha256:' . hash('sha256', $envelope)) || refuse('l\'attestation n\'a pas l\'empreinte annoncée');

$signed = json_decode($envelope, true, 16);
$payload = base64_decode((string) ($signed['payload'] ?? ''), true);
$key = base64_decode((string) getenv('AMCLOUD_PROVENANCE_PUBLIC_KEY'), true);
($signed['payloadType'] ?? '') === PAYLOAD && is_string($payload) || refuse('l\'attestation n\'est pas une déclaration in-toto');
is_string($key) && strlen($key) === SODIUM_CRYPTO_SIGN_PUBLICKEYBYTES || refuse('la clé publique n\'est pas Ed25519', 2);
$bytes = sprintf('DSSEv1 %d %s %d %s', strlen(PAYLOAD), PAYLOAD, strlen($payload), $payload);
$valid = array_filter($signed['signatures'] ?? [], static function (array $one) use ($bytes, $key): bool {
    $signature = base64_decode((string) ($one['sig'] ?? ''), true);
    return is_string($signature) && strlen($signature) === SODIUM_CRYPTO_SIGN_BYTES
        && sodium_crypto_sign_verify_detached($signature, $bytes, $key);
});
$valid !== [] || refuse('la signature n\'est pas celle d\'AM Cloud');

$statement = json_decode($payload, true, 32);
$digests = array_map(static fn (array $one): string => 'sha256:' . ($one['digest']['sha256'] ?? ''), $statement['subject'] ?? []);
in_array($image['digest'], $digests, true) || refuse('l\'attestation est celle d\'une autre image');
$sources = array_column(array_column($statement['predicate']['buildDefinition']['resolvedDependencies'] ?? [], 'digest'), 'gitCommit');
in_array(getenv('CI_COMMIT_SHA'), $sources, true) || refuse('l\'attestation est celle d\'un autre commit');
file_put_contents('provenance.json', json_encode($statement, JSON_PRETTY_PRINT | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE) . "\n");
echo "attestation vérifiée : {$image['digest']} vient du commit " . getenv('CI_COMMIT_SHA') . "\n";
