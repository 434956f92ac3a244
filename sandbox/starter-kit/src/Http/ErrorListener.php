<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Http;

use Symfony\Component\EventDispatcher\EventSubscriberInterface;
use Symfony\Component\HttpFoundation\JsonResponse;
use Symfony\Component\HttpFoundation\Response;
use Symfony\Component\HttpKernel\Event\ExceptionEvent;
use Symfony\Component\HttpKernel\Exception\HttpExceptionInterface;
use Symfony\Component\HttpKernel\KernelEvents;
use Twig\Environment;

/**
 * Errors as a page or as JSON, in French, without a trace; the framework has logged the cause before.
 */
final class ErrorListener implements EventSubscriberInterface
{
    private const SENTENCES = [
        400 => 'La demande est incomplète ou mal formée.',
        401 => 'Il faut se connecter.',
        403 => 'Accès refusé.',
        404 => 'Page introuvable.',
        405 => 'Méthode non prévue à cette adresse.',
    ];

    public function __construct(private readonly Environment $twig)
    {
    }

    public static function getSubscribedEvents(): array
    {
        return [KernelEvents::EXCEPTION => ['onException', -64]];
    }

    public function onException(ExceptionEvent $event): void
    {
        $error = $event->getThrowable();
        $known = $error instanceof HttpExceptionInterface;
        $status = $known ? $error->getStatusCode() : 500;
        $own = $known && $status < 500 && !str_starts_with($error->getMessage(), 'No route found');
        $sentence = $own && $error->getMessage() !== '' ? $error->getMessage() : $this->sentence($status);
        $event->setResponse($this->response($event, $status, $sentence, $known ? $error->getHeaders() : []));
    }

    private function sentence(int $status): string
    {
        return self::SENTENCES[$status] ?? ($status < 500 ? 'Demande refusée.' : 'Erreur interne ; elle a été notée.');
    }

    /** @param array<string, string> $headers */
    private function response(ExceptionEvent $event, int $status, string $sentence, array $headers): Response
    {
        if (Negotiation::wantsJson($event->getRequest())) {
            return new JsonResponse(['erreur' => $sentence], $status, $headers);
        }
        $page = $this->twig->render('@StarterKit/erreur.html.twig', ['status' => $status, 'sentence' => $sentence]);

        return new Response($page, $status, $headers);
    }
}
