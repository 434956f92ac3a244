<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Security;

use Symfony\Component\HttpFoundation\Cookie;
use Symfony\Component\HttpFoundation\Request;

/**
 * The agent's session, in a signed cookie; and the token against forged forms, which hangs on it.
 */
final class Session
{
    private const LIFETIME_SECONDS = 8 * 3600; // a working day
    private const NAME = 'amcloud_session';

    private readonly SignedCookie $cookie;
    private readonly string $formKey;

    public function __construct(string $secret)
    {
        $this->cookie = new SignedCookie(self::NAME, self::LIFETIME_SECONDS, $secret);
        $this->formKey = hash_hkdf('sha256', $secret, 32, 'amcloud-csrf');
    }

    public function open(Request $request, Agent $agent): Cookie
    {
        return $this->cookie->write($request, [
            'sid' => bin2hex(random_bytes(16)),
            'sub' => $agent->subject,
            'name' => mb_substr($agent->name, 0, 120),
            'organisation' => $agent->organisation,
        ]);
    }

    public function close(Request $request): Cookie
    {
        return $this->cookie->clear($request);
    }

    public function agent(Request $request): ?Agent
    {
        $data = $this->cookie->read($request);

        return $data === null ? null : new Agent($data['sub'], $data['name'], $data['organisation']);
    }

    public function formToken(Request $request): string
    {
        $data = $this->cookie->read($request);

        return $data === null ? '' : hash_hmac('sha256', $data['sid'], $this->formKey);
    }

    public function isOwnForm(Request $request, string $token): bool
    {
        $expected = $this->formToken($request);

        return $expected !== '' && hash_equals($expected, $token);
    }
}
