<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Security;

use Symfony\Contracts\Cache\CacheInterface;
use Symfony\Contracts\Cache\ItemInterface;
use Symfony\Contracts\HttpClient\Exception\ExceptionInterface;
use Symfony\Contracts\HttpClient\HttpClientInterface;

/**
 * The OpenID Connect provider: its description, its keys, and the exchange of a code for an identity token.
 */
final class Provider implements Keys
{
    private const DESCRIPTION_SECONDS = 3_600;
    private const KEYS_SECONDS = 3_600;
    private const KEYS_AGAIN_SECONDS = 30; // how often, at most, tokens that fail make us ask the provider again

    public function __construct(
        private readonly HttpClientInterface $http,
        private readonly CacheInterface $cache,
        private readonly string $issuer,
        private readonly string $clientId,
        private readonly string $clientSecret,
    ) {
    }

    /** @param array<string, string> $parameters */
    public function authorizationUrl(array $parameters): string
    {
        $endpoint = $this->endpoint('authorization_endpoint');

        return $endpoint . (str_contains($endpoint, '?') ? '&' : '?') . http_build_query($parameters);
    }

    public function canPkce(): bool
    {
        return \in_array('S256', (array) ($this->description()['code_challenge_methods_supported'] ?? []), true);
    }

    public function find(?string $keyId, bool $again): ?array
    {
        $keys = $this->keys($again ? self::KEYS_AGAIN_SECONDS : self::KEYS_SECONDS);
        if ($keyId === null) {
            return \count($keys) === 1 ? reset($keys) : null;
        }

        return $keys[$keyId] ?? null;
    }

    public function identityToken(string $code, string $redirectUri, string $verifier): string
    {
        $form = ['grant_type' => 'authorization_code', 'code' => $code, 'redirect_uri' => $redirectUri];
        if ($verifier !== '') {
            $form['code_verifier'] = $verifier;
        }
        $answer = $this->ask('POST', $this->endpoint('token_endpoint'), [
            'auth_basic' => [rawurlencode($this->clientId), rawurlencode($this->clientSecret)],
            'body' => $form,
        ]);
        $token = $answer['id_token'] ?? null;

        return \is_string($token) ? $token : throw new AuthenticationError('le fournisseur n’a pas donné d’id_token');
    }

    private function endpoint(string $name): string
    {
        $url = $this->description()[$name] ?? null;

        return \is_string($url) ? $url : throw new AuthenticationError("le fournisseur n’annonce pas {$name}");
    }

    /** @return array<string, mixed> */
    private function description(): array
    {
        $key = 'amcloud.oidc.' . hash('sha256', $this->issuer);

        return $this->cache->get($key, function (ItemInterface $item): array {
            $item->expiresAfter(self::DESCRIPTION_SECONDS);
            $url = rtrim($this->issuer, '/') . '/.well-known/openid-configuration';
            $found = $this->ask('GET', $url);
            if (($found['issuer'] ?? null) !== $this->issuer) {
                throw new AuthenticationError('le fournisseur annonce un autre issuer');
            }

            return $found;
        });
    }

    /** @return array<string, array{n: string, e: string}> */
    private function keys(int $seconds): array
    {
        $key = "amcloud.jwks.{$seconds}." . hash('sha256', $this->issuer);

        return $this->cache->get($key, function (ItemInterface $item) use ($seconds): array {
            $item->expiresAfter($seconds);
            $found = [];
            $listed = $this->ask('GET', $this->endpoint('jwks_uri'))['keys'] ?? [];
            foreach (\is_array($listed) ? $listed : [] as $one) {
                $usable = \is_array($one) && ($one['kty'] ?? '') === 'RSA' && ($one['use'] ?? 'sig') === 'sig';
                if ($usable && \is_string($one['n'] ?? null) && \is_string($one['e'] ?? null)) {
                    $found[(string) ($one['kid'] ?? '')] = ['n' => $one['n'], 'e' => $one['e']];
                }
            }

            return $found;
        });
    }

    /**
     * @param array<string, mixed> $options
     *
     * @return array<string, mixed>
     */
    private function ask(string $method, string $url, array $options = []): array
    {
        try {
            return $this->http->request($method, $url, $options)->toArray();
        } catch (ExceptionInterface $error) {
            throw new AuthenticationError("fournisseur d’identité : {$error->getMessage()}", 0, $error);
        }
    }
}
