<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Security;

use AmCloud\StarterKit\Http\Negotiation;
use AmCloud\StarterKit\Tenancy\TenantContext;
use Psr\Log\LoggerInterface;
use Symfony\Component\EventDispatcher\EventSubscriberInterface;
use Symfony\Component\HttpFoundation\RedirectResponse;
use Symfony\Component\HttpFoundation\Request;
use Symfony\Component\HttpKernel\Event\RequestEvent;
use Symfony\Component\HttpKernel\Exception\AccessDeniedHttpException;
use Symfony\Component\HttpKernel\Exception\UnauthorizedHttpException;
use Symfony\Component\HttpKernel\KernelEvents;

/**
 * Nobody passes without being an agent of the organisation of the host name; routes marked public excepted.
 */
final class AuthenticationListener implements EventSubscriberInterface
{
    private const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];

    public function __construct(
        private readonly TenantContext $context,
        private readonly IdTokenVerifier $verifier,
        private readonly Session $session,
        private readonly LoggerInterface $logger,
    ) {
    }

    public static function getSubscribedEvents(): array
    {
        return [KernelEvents::REQUEST => ['onRequest', 16]]; // after the router (32), before any controller
    }

    public function onRequest(RequestEvent $event): void
    {
        $request = $event->getRequest();
        if (!$event->isMainRequest() || $request->attributes->get('_amcloud_public') === true) {
            return;
        }
        $agent = $this->bearer($request) ?? $this->session->agent($request);
        if ($agent === null) {
            $this->askToSignIn($event, $request);

            return;
        }
        $organisation = $this->context->required();
        if ($agent->organisation !== $organisation->code) {
            $this->logger->warning('accès refusé : agent de {agent}', ['agent' => $agent->organisation]);
            throw new AccessDeniedHttpException(
                "Votre organisme ({$agent->organisation}) n’est pas celui de cette adresse ({$organisation->code})."
            );
        }
        $this->refuseForgedForms($request);
        $request->attributes->set(Agent::REQUEST_ATTRIBUTE, $agent);
    }

    private function bearer(Request $request): ?Agent
    {
        $header = (string) $request->headers->get('Authorization', '');
        if (!str_starts_with($header, 'Bearer ')) {
            return null;
        }
        try {
            return $this->verifier->verify(substr($header, 7));
        } catch (AuthenticationError $error) {
            $this->logger->warning('jeton refusé : {reason}', ['reason' => $error->getMessage()]);
            throw new UnauthorizedHttpException('Bearer error="invalid_token"', 'Jeton refusé.', $error);
        }
    }

    private function askToSignIn(RequestEvent $event, Request $request): void
    {
        if (Negotiation::wantsJson($request) || !\in_array($request->getMethod(), self::SAFE_METHODS, true)) {
            throw new UnauthorizedHttpException('Bearer', 'Il faut se connecter.');
        }
        $back = http_build_query(['retour' => $request->getRequestUri()]);
        $event->setResponse(new RedirectResponse("/connexion?{$back}"));
    }

    /** A Bearer token is never sent by a browser on its own; a cookie is. */
    private function refuseForgedForms(Request $request): void
    {
        $byCookie = !str_starts_with((string) $request->headers->get('Authorization', ''), 'Bearer ');
        if (!$byCookie || \in_array($request->getMethod(), self::SAFE_METHODS, true)) {
            return;
        }
        $token = $request->request->get('_csrf') ?? $request->headers->get('X-CSRF-Token');
        if (!\is_string($token) || !$this->session->isOwnForm($request, $token)) {
            throw new AccessDeniedHttpException('Formulaire périmé : rechargez la page et recommencez.');
        }
    }
}
