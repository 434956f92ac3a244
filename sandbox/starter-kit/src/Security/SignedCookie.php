<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Security;

use Symfony\Component\HttpFoundation\Cookie;
use Symfony\Component\HttpFoundation\Request;

/**
 * State kept by the browser, not by a pod: JSON signed with a key of its own for each purpose, with an end date.
 */
final class SignedCookie
{
    private const MAX_BYTES = 3_500; // browsers keep 4,096 with the name and the attributes
    private const MIN_SECRET_BYTES = 16;

    private readonly string $key;

    public function __construct(
        private readonly string $name,
        private readonly int $lifetimeSeconds,
        string $secret,
    ) {
        if (\strlen($secret) < self::MIN_SECRET_BYTES) {
            throw new \LogicException('APP_SECRET : au moins 16 caractères sont attendus');
        }
        $this->key = hash_hkdf('sha256', $secret, 32, "amcloud-cookie-{$name}");
    }

    /** @param array<string, string> $data */
    public function write(Request $request, array $data): Cookie
    {
        $claims = [...$data, 'exp' => (string) (time() + $this->lifetimeSeconds)];
        $body = Base64Url::encode(json_encode($claims, \JSON_THROW_ON_ERROR));

        return $this->cookie($request, $body . '.' . $this->signature($body));
    }

    public function clear(Request $request): Cookie
    {
        return $this->cookie($request, '');
    }

    /** @return array<string, string>|null null when absent, forged or too old */
    public function read(Request $request): ?array
    {
        $value = $request->cookies->get($this->cookieName($request));
        if (!\is_string($value) || $value === '' || \strlen($value) > self::MAX_BYTES) {
            return null;
        }
        [$body, $signature] = explode('.', $value, 2) + [1 => ''];
        if (!hash_equals($this->signature($body), $signature)) {
            return null;
        }
        $claims = json_decode(Base64Url::decode($body), true);

        return \is_array($claims) && (int) ($claims['exp'] ?? 0) > time() ? $claims : null;
    }

    private function cookie(Request $request, string $value): Cookie
    {
        return Cookie::create($this->cookieName($request))
            ->withValue($value)
            ->withExpires($value === '' ? 1 : time() + $this->lifetimeSeconds)
            ->withPath('/')
            ->withSecure($request->isSecure())
            ->withHttpOnly(true)
            ->withSameSite(Cookie::SAMESITE_LAX);
    }

    /** Over https the browser itself guarantees that the cookie came from this very host. */
    private function cookieName(Request $request): string
    {
        return ($request->isSecure() ? '__Host-' : '') . $this->name;
    }

    private function signature(string $body): string
    {
        return Base64Url::encode(hash_hmac('sha256', $body, $this->key, true));
    }
}
