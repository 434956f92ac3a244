<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Security;

use AmCloud\StarterKit\Tenancy\TenantContext;
use Psr\Log\LoggerInterface;
use Symfony\Component\HttpFoundation\RedirectResponse;
use Symfony\Component\HttpFoundation\Request;
use Symfony\Component\HttpFoundation\Response;
use Symfony\Component\HttpKernel\Exception\AccessDeniedHttpException;
use Symfony\Component\HttpKernel\Exception\BadRequestHttpException;
use Symfony\Component\HttpKernel\Exception\ServiceUnavailableHttpException;

/**
 * Sign-in by OpenID Connect, authorization code: /connexion → provider → /connexion/retour.
 */
final class SignInController
{
    private const ATTEMPT_SECONDS = 600;

    private readonly SignedCookie $attempt;

    public function __construct(
        private readonly Provider $provider,
        private readonly IdTokenVerifier $verifier,
        private readonly Session $session,
        private readonly TenantContext $context,
        private readonly LoggerInterface $logger,
        private readonly string $clientId,
        string $secret,
    ) {
        $this->attempt = new SignedCookie('amcloud_connexion', self::ATTEMPT_SECONDS, $secret);
    }

    public function start(Request $request): Response
    {
        $state = bin2hex(random_bytes(16));
        $nonce = bin2hex(random_bytes(16));
        $parameters = [
            'response_type' => 'code',
            'client_id' => $this->clientId,
            'redirect_uri' => self::redirectUri($request),
            'scope' => 'openid profile',
            'state' => $state,
            'nonce' => $nonce,
        ];
        try {
            $verifier = $this->provider->canPkce() ? Base64Url::encode(random_bytes(32)) : '';
            if ($verifier !== '') {
                $challenge = Base64Url::encode(hash('sha256', $verifier, true));
                $parameters += ['code_challenge' => $challenge, 'code_challenge_method' => 'S256'];
            }
            $url = $this->provider->authorizationUrl($parameters);
        } catch (AuthenticationError $error) {
            throw $this->unavailable($error);
        }
        $back = self::localPath($request->query->get('retour'));
        $response = new RedirectResponse($url);
        $response->headers->setCookie($this->attempt->write($request, [
            'state' => $state,
            'nonce' => $nonce,
            'verifier' => $verifier,
            'retour' => $back,
        ]));

        return $response;
    }

    public function finish(Request $request): Response
    {
        $attempt = $this->attempt->read($request);
        $state = $request->query->get('state');
        if ($attempt === null || !\is_string($state) || !hash_equals($attempt['state'], $state)) {
            throw new BadRequestHttpException('Connexion périmée : recommencez depuis l’application.');
        }
        $code = $request->query->get('code');
        if (!\is_string($code) || $code === '') {
            throw new AccessDeniedHttpException('Connexion refusée par le fournisseur d’identité.');
        }
        try {
            $token = $this->provider->identityToken($code, self::redirectUri($request), $attempt['verifier']);
            $agent = $this->verifier->verify($token, $attempt['nonce']);
        } catch (AuthenticationError $error) {
            $this->logger->warning('connexion refusée : {reason}', ['reason' => $error->getMessage()]);
            throw new AccessDeniedHttpException('Connexion refusée.', $error);
        }
        $expected = $this->context->required()->code;
        if ($agent->organisation !== $expected) {
            throw new AccessDeniedHttpException(
                "Votre organisme ({$agent->organisation}) n’est pas celui de cette adresse ({$expected})."
            );
        }
        $response = new RedirectResponse($attempt['retour']);
        $response->headers->setCookie($this->session->open($request, $agent));
        $response->headers->setCookie($this->attempt->clear($request));

        return $response;
    }

    public function end(Request $request): Response
    {
        $response = new RedirectResponse('/');
        $response->headers->setCookie($this->session->close($request));

        return $response;
    }

    private static function redirectUri(Request $request): string
    {
        return $request->getSchemeAndHttpHost() . '/connexion/retour';
    }

    /** Only a path of this very site: an address elsewhere would make the sign-in a trap. */
    private static function localPath(mixed $wanted): string
    {
        $isLocal = \is_string($wanted) && \strlen($wanted) < 500
            && preg_match('~\A/(?![/\\\\])[\x21-\x5b\x5d-\x7e]*\z~', $wanted) === 1;

        return $isLocal ? $wanted : '/';
    }

    private function unavailable(AuthenticationError $error): ServiceUnavailableHttpException
    {
        $this->logger->error('connexion : {reason}', ['reason' => $error->getMessage()]);

        return new ServiceUnavailableHttpException(10, 'Connexion indisponible pour le moment.', $error);
    }
}
