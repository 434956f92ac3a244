<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Security;

/**
 * Public keys that identity tokens are checked with.
 */
interface Keys
{
    /**
     * @param string|null $keyId null: the token names none, which is right when the provider has a single key
     * @param bool        $again the provider may have changed its keys since it was last asked
     *
     * @return array{n: string, e: string}|null modulus and exponent (base64url) of that RSA key
     *
     * @throws AuthenticationError the provider cannot be asked
     */
    public function find(?string $keyId, bool $again): ?array;
}
