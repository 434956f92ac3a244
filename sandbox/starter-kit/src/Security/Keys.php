<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Security;

/**
 * Public keys that identity tokens are checked with.
 */
interface Keys
{
    /**
     * @return array{n: string, e: string}|null modulus and exponent (base64url) of the RSA key of that name
     *
     * @throws AuthenticationError the provider cannot be asked
     */
    public function find(string $keyId): ?array;
}
