<?php

/** Dit où un commit est déployé d'après la forge ; code 0 déployé, 1 échec, 2 rien encore ou forge muette. */

declare(strict_types=1);

const POLL_S = 5;

/** @return array{0: int, 1: mixed} état HTTP et corps ; 0 quand la forge ne répond pas */
function get(string $url): array
{
    $job = (string) getenv('CI_JOB_TOKEN');
    $header = $job !== '' ? "JOB-TOKEN: $job" : 'PRIVATE-TOKEN: ' . getenv('AMCLOUD_FORGE_TOKEN');
    $options = ['header' => $header, 'timeout' => 15, 'ignore_errors' => true, 'follow_location' => 0];
    $body = @file_get_contents($url, false, stream_context_create(['http' => $options]), 0, 4 << 20);
    preg_match('# (\d{3})#', $http_response_header[0] ?? '', $status);
    return [(int) ($status[1] ?? 0), $body === false ? null : json_decode($body, true, 32)];
}

$address = sprintf(
    '%s/projects/%s/deployments?order_by=id&sort=desc&per_page=100',
    getenv('CI_API_V4_URL'),
    rawurlencode((string) getenv('CI_PROJECT_ID')),
);
$commit = (string) getenv('CI_COMMIT_SHA');
$until = time() + (int) (getenv('AMCLOUD_FEEDBACK_WAIT_S') ?: 0);
$told = [];
while (true) {
    [$status, $found] = get($address);
    if ($status !== 200 || !is_array($found)) {
        fwrite(STDERR, $status === 0 ? "la forge ne répond pas\n" : "la forge répond HTTP $status\n");
        if ($status >= 400 && $status < 500 && $status !== 429) {
            exit(2);
        }
        $found = [];
    }
    $states = [];
    foreach ($found as $deployment) {
        $environment = $deployment['environment']['name'] ?? '?';
        if (($deployment['sha'] ?? '') !== $commit || isset($states[$environment])) {
            continue;
        }
        $states[$environment] = $deployment['status'] ?? '';
        $line = trim("$environment : {$states[$environment]} " . ($deployment['environment']['external_url'] ?? ''));
        if (($told[$environment] ?? '') !== $line) {
            echo $told[$environment] = $line, "\n";
        }
    }
    if (in_array('failed', $states, true)) {
        exit(1);
    }
    $pending = array_diff($states, ['success', 'canceled', 'skipped']);
    if ($states !== [] && $pending === []) {
        exit(in_array('success', $states, true) ? 0 : 2);
    }
    if (time() >= $until) {
        echo $states === [] ? "Aucun déploiement de $commit pour l'instant : lisez le statut du commit.\n" : '';
        exit(2);
    }
    sleep(POLL_S);
}
