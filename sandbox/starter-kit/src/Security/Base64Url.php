<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Security;

use ParagonIE\ConstantTime\Base64UrlSafe;

/**
 * Base64 as tokens and cookies use it, without padding; decoding refuses anything else.
 */
final class Base64Url
{
    public static function encode(string $bytes): string
    {
        return Base64UrlSafe::encodeUnpadded($bytes);
    }

    /** @throws AuthenticationError */
    public static function decode(string $text): string
    {
        if (preg_match('/\A[A-Za-z0-9_-]*\z/', $text) !== 1) {
            throw new AuthenticationError('base64url attendu');
        }
        try {
            return Base64UrlSafe::decode($text);
        } catch (\RangeException $error) {
            throw new AuthenticationError('base64url attendu', 0, $error);
        }
    }
}
