<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Http;

use Symfony\Component\HttpFoundation\Request;

/**
 * HTML for people, JSON for programs.
 */
final class Negotiation
{
    public static function wantsJson(Request $request): bool
    {
        $accept = strtolower((string) $request->headers->get('Accept', ''));

        return str_contains($accept, 'application/json') && !str_contains($accept, 'text/html')
            || str_starts_with((string) $request->headers->get('Authorization', ''), 'Bearer ')
            || $request->getContentType() === 'json';
    }
}
