<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Testing;

use AmCloud\StarterKit\Security\Base64Url;
use AmCloud\StarterKit\Security\Keys;

/**
 * An identity provider for tests: a key pair made for this process, tokens for any agent.
 */
final class TestIssuer implements Keys
{
    public const ISSUER = 'https://issuer.test.example';
    public const CLIENT_ID = 'application-test';
    private const KEY_ID = 'test';

    private static ?\OpenSSLAsymmetricKey $key = null;

    public function find(?string $keyId, bool $again): ?array
    {
        if ($keyId !== self::KEY_ID) {
            return null;
        }
        $rsa = openssl_pkey_get_details(self::key())['rsa'];

        return ['n' => Base64Url::encode($rsa['n']), 'e' => Base64Url::encode($rsa['e'])];
    }

    /** @param array<string, mixed> $claims added to, or in place of, the usual ones */
    public static function token(string $organisation, array $claims = []): string
    {
        $head = ['alg' => 'RS256', 'typ' => 'JWT', 'kid' => self::KEY_ID];
        $body = $claims + [
            'iss' => self::ISSUER,
            'aud' => self::CLIENT_ID,
            'sub' => "agent-{$organisation}",
            'name' => "Agent d'essai {$organisation}",
            'organisation' => $organisation,
            'iat' => time(),
            'exp' => time() + 300,
        ];
        $signed = Base64Url::encode(json_encode($head, \JSON_THROW_ON_ERROR))
            . '.' . Base64Url::encode(json_encode($body, \JSON_THROW_ON_ERROR));
        openssl_sign($signed, $signature, self::key(), \OPENSSL_ALGO_SHA256);

        return $signed . '.' . Base64Url::encode($signature);
    }

    private static function key(): \OpenSSLAsymmetricKey
    {
        return self::$key ??= openssl_pkey_new(['private_key_bits' => 2048, 'private_key_type' => \OPENSSL_KEYTYPE_RSA])
            ?: throw new \RuntimeException('clé RSA de test impossible à créer');
    }
}
