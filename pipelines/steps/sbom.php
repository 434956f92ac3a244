<?php

/**
 * Nomenclature CycloneDX 1.6 d'une image, sur la sortie standard.
 *
 *     php sbom.php image.json composer.lock dpkg-status os-release
 *
 * Sans dépendance : l'exécuteur d'une application PHP a PHP, et rien d'autre n'est sûr d'y être.
 */

declare(strict_types=1);

const KNOWN_LICENCES = [
    '0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'CC0-1.0', 'EUPL-1.1', 'EUPL-1.2', 'GPL-2.0-only',
    'GPL-2.0-or-later', 'GPL-3.0-only', 'GPL-3.0-or-later', 'ISC', 'LGPL-2.1-only', 'LGPL-2.1-or-later',
    'LGPL-3.0-only', 'LGPL-3.0-or-later', 'MIT', 'MPL-2.0', 'PHP-3.01', 'Unlicense', 'Zlib',
];

/** @return array<string, mixed> */
function readJson(string $file): array
{
    return json_decode((string) file_get_contents($file), true, 64, JSON_THROW_ON_ERROR);
}

/** Ce que les paquets d'un composer.lock sont, pour CycloneDX. @return list<array<string, mixed>> */
function composerComponents(array $lock): array
{
    return array_map(static function (array $package): array {
        [$group, $name] = explode('/', $package['name'], 2) + [1 => ''];
        $purl = 'pkg:composer/' . rawurlencode($group) . '/' . rawurlencode($name) . '@' . rawurlencode($package['version']);
        $component = [
            'type' => ($package['type'] ?? '') === 'symfony-bundle' ? 'framework' : 'library',
            'bom-ref' => $purl,
            'group' => $group,
            'name' => $name,
            'version' => $package['version'],
        ];
        $description = trim((string) ($package['description'] ?? ''));
        $hash = $package['dist']['shasum'] ?? '';
        $licences = licences($package['license'] ?? []);
        return $component
            + ($description === '' ? [] : ['description' => $description])
            + (preg_match('/^[0-9a-f]{40}$/', $hash) ? ['hashes' => [['alg' => 'SHA-1', 'content' => $hash]]] : [])
            + ($licences === [] ? [] : ['licenses' => $licences])
            + ['purl' => $purl];
    }, array_values($lock['packages'] ?? []));
}

/** @return list<array<string, mixed>> une expression SPDX, ou des licences */
function licences(array $given): array
{
    if (count($given) === 1 && preg_match('/\s(OR|AND|WITH)\s/i', $given[0])) {
        return [['expression' => trim($given[0], '() ')]];
    }
    return array_map(
        static fn (string $one): array => ['license' => [in_array($one, KNOWN_LICENCES, true) ? 'id' : 'name' => $one]],
        array_values($given),
    );
}

/** Qui a besoin de qui, parmi les paquets du verrou. @return list<array<string, mixed>> */
function composerDependencies(array $lock, array $components): array
{
    $known = [];
    foreach ($components as $component) {
        $known[$component['group'] . '/' . $component['name']] = $component['bom-ref'];
    }
    $found = [];
    foreach ($lock['packages'] ?? [] as $package) {
        $needed = array_intersect_key($known, $package['require'] ?? []);
        $found[] = ['ref' => $known[$package['name']], 'dependsOn' => array_values($needed)];
    }
    return $found;
}

/** Paquets installés d'un /var/lib/dpkg/status. @return list<array<string, mixed>> */
function debianComponents(string $status, string $distribution): array
{
    $found = [];
    foreach (preg_split('/\n\n+/', $status) ?: [] as $paragraph) {
        preg_match_all('/^([A-Za-z-]+): (.*)$/m', $paragraph, $fields, PREG_SET_ORDER);
        $field = array_column($fields, 2, 1);
        if (!isset($field['Package'], $field['Version']) || !str_ends_with($field['Status'] ?? '', ' installed')) {
            continue;
        }
        $purl = sprintf(
            'pkg:deb/debian/%s@%s?arch=%s&distro=%s',
            rawurlencode($field['Package']),
            rawurlencode($field['Version']),
            rawurlencode($field['Architecture'] ?? 'all'),
            rawurlencode($distribution),
        );
        $found[] = [
            'type' => 'library',
            'bom-ref' => $purl,
            'name' => $field['Package'],
            'version' => $field['Version'],
            'purl' => $purl,
        ];
    }
    usort($found, static fn (array $a, array $b): int => $a['bom-ref'] <=> $b['bom-ref']);
    return $found;
}

/** Un UUID qui ne dépend que de l'image (version 5). */
function serialNumber(string $digest): string
{
    $hash = sha1('amcloud sbom ' . $digest);
    $variant = dechex((hexdec($hash[16]) & 0x3) | 0x8);
    return sprintf(
        'urn:uuid:%s-%s-5%s-%s%s-%s',
        substr($hash, 0, 8),
        substr($hash, 8, 4),
        substr($hash, 13, 3),
        $variant,
        substr($hash, 17, 3),
        substr($hash, 20, 12),
    );
}

[, $imageFile, $lockFile, $statusFile, $releaseFile] = $argv;
$image = readJson($imageFile);
$lock = readJson($lockFile);
preg_match('/^VERSION_ID="?([\w.]+)"?$/m', (string) file_get_contents($releaseFile), $version);
$composer = composerComponents($lock);
$debian = debianComponents((string) file_get_contents($statusFile), 'debian-' . ($version[1] ?? 'inconnue'));

$name = preg_replace('#^[^/]+/#', '', $image['image']);
$root = 'pkg:oci/' . rawurlencode(basename($image['image'])) . '@' . rawurlencode($image['digest'])
    . '?repository_url=' . rawurlencode($image['image']);
$base = $image['base']['digest'] ?? '';
$seconds = (int) shell_exec('git log -1 --format=%ct 2>/dev/null');

echo json_encode([
    '$schema' => 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    'bomFormat' => 'CycloneDX',
    'specVersion' => '1.6',
    'serialNumber' => serialNumber($image['digest']),
    'version' => 1,
    'metadata' => [
        'timestamp' => gmdate('Y-m-d\TH:i:s\Z', $seconds),
        'tools' => ['components' => [['type' => 'application', 'group' => 'amcloud', 'name' => 'pipelines/steps/sbom.php']]],
        'component' => [
            'type' => 'container',
            'bom-ref' => $root,
            'name' => $name,
            'version' => $image['revision'],
            'hashes' => [['alg' => 'SHA-256', 'content' => preg_replace('/^sha256:/', '', $image['digest'])]],
            'purl' => $root,
        ],
        'properties' => array_values(array_filter([
            ['name' => 'amcloud:revision', 'value' => $image['revision']],
            $base === '' ? null : ['name' => 'amcloud:base', 'value' => $image['base']['name'] . '@' . $base],
        ])),
    ],
    'components' => [...$composer, ...$debian],
    'dependencies' => [
        ['ref' => $root, 'dependsOn' => [...array_column($composer, 'bom-ref'), ...array_column($debian, 'bom-ref')]],
        ...composerDependencies($lock, $composer),
    ],
], JSON_PRETTY_PRINT | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR), "\n";
