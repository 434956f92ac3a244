<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Security;

use phpseclib3\Crypt\PublicKeyLoader;
use phpseclib3\Crypt\RSA;
use phpseclib3\Crypt\RSA\PublicKey;

/**
 * Believes an identity token only when it is signed by the provider (RS256), for this application, now.
 */
final class IdTokenVerifier
{
    private const LEEWAY_SECONDS = 30;
    private const MAX_BYTES = 8_192;
    private const MIN_KEY_BITS = 2_048;

    public function __construct(
        private readonly Keys $keys,
        private readonly string $issuer,
        private readonly string $clientId,
    ) {
    }

    /**
     * @param string|null $nonce the one that was sent when signing in; null for a token sent as Bearer
     *
     * @throws AuthenticationError
     */
    public function verify(string $token, ?string $nonce = null): Agent
    {
        $parts = explode('.', $token);
        if (\strlen($token) > self::MAX_BYTES || \count($parts) !== 3) {
            throw new AuthenticationError('jeton mal formé');
        }
        [$head, $body, $signature] = $parts;
        $this->checkSignature(self::object($head), "{$head}.{$body}", Base64Url::decode($signature));

        return $this->agent(self::object($body), $nonce);
    }

    /** @param array<string, mixed> $head */
    private function checkSignature(array $head, string $signed, string $signature): void
    {
        // The algorithm is ours to choose, never the token's: no "none", no HMAC with a public key.
        if (($head['alg'] ?? null) !== 'RS256' || isset($head['crit'])) {
            throw new AuthenticationError('jeton : RS256 est attendu');
        }
        $keyId = $head['kid'] ?? null;
        if ($keyId !== null && !\is_string($keyId)) {
            throw new AuthenticationError('jeton : clé mal nommée');
        }
        foreach ([false, true] as $again) {
            $jwk = $this->keys->find($keyId, $again);
            if ($jwk !== null && self::isSigned($jwk, $signed, $signature)) {
                return;
            }
        }
        throw new AuthenticationError('jeton : clé inconnue ou signature fausse');
    }

    /** @param array{n: string, e: string} $jwk */
    private static function isSigned(array $jwk, string $signed, string $signature): bool
    {
        try {
            $key = PublicKeyLoader::load(json_encode(['kty' => 'RSA'] + $jwk, \JSON_THROW_ON_ERROR));
        } catch (\Throwable $error) {
            throw new AuthenticationError('jeton : clé illisible', 0, $error);
        }
        if (!$key instanceof PublicKey || $key->getLength() < self::MIN_KEY_BITS) {
            throw new AuthenticationError('jeton : clé RSA de 2048 bits attendue');
        }

        return $key->withHash('sha256')->withPadding(RSA::SIGNATURE_PKCS1)->verify($signed, $signature);
    }

    /** @param array<string, mixed> $claims */
    private function agent(array $claims, ?string $nonce): Agent
    {
        $now = time();
        $audience = (array) ($claims['aud'] ?? []);
        $checks = [
            'émetteur' => ($claims['iss'] ?? null) === $this->issuer,
            'destinataire' => \in_array($this->clientId, $audience, true)
                && (\count($audience) === 1 || ($claims['azp'] ?? null) === $this->clientId),
            'fin de validité' => \is_numeric($claims['exp'] ?? null) && $claims['exp'] > $now - self::LEEWAY_SECONDS,
            'date' => !isset($claims['iat']) || $claims['iat'] <= $now + self::LEEWAY_SECONDS,
            'début de validité' => !isset($claims['nbf']) || $claims['nbf'] <= $now + self::LEEWAY_SECONDS,
            'nonce' => $nonce === null || hash_equals($nonce, (string) ($claims['nonce'] ?? '')),
            'agent' => \is_string($claims['sub'] ?? null) && $claims['sub'] !== '',
            'organisme' => \is_string($claims['organisation'] ?? null)
                && preg_match('/\A[0-9]{3}\z/', $claims['organisation']) === 1,
        ];
        foreach ($checks as $what => $holds) {
            if (!$holds) {
                throw new AuthenticationError("jeton : {$what} refusé");
            }
        }
        $name = $claims['name'] ?? $claims['sub'];

        return new Agent($claims['sub'], \is_string($name) ? $name : $claims['sub'], $claims['organisation']);
    }

    /** @return array<string, mixed> */
    private static function object(string $part): array
    {
        $data = json_decode(Base64Url::decode($part), true, 16);

        return \is_array($data) ? $data : throw new AuthenticationError('jeton : JSON attendu');
    }
}
