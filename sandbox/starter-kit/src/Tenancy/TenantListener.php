<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Tenancy;

use Symfony\Component\EventDispatcher\EventSubscriberInterface;
use Symfony\Component\HttpKernel\Event\RequestEvent;
use Symfony\Component\HttpKernel\Exception\NotFoundHttpException;
use Symfony\Component\HttpKernel\Exception\ServiceUnavailableHttpException;
use Symfony\Component\HttpKernel\KernelEvents;

/**
 * The host name chooses the organisation, before anything else looks at the request. Only /sante has none.
 */
final class TenantListener implements EventSubscriberInterface
{
    public function __construct(
        private readonly Organisations $organisations,
        private readonly Tenancy $tenancy,
    ) {
    }

    public static function getSubscribedEvents(): array
    {
        return [KernelEvents::REQUEST => ['onRequest', 128]];
    }

    public function onRequest(RequestEvent $event): void
    {
        if (!$event->isMainRequest()) {
            return;
        }
        $this->tenancy->leave();
        $request = $event->getRequest();
        if ($request->getPathInfo() === '/sante') {
            return;
        }
        try {
            $organisation = $this->organisations->forHost($request->getHost());
        } catch (OrganisationsFileError $error) {
            throw new ServiceUnavailableHttpException(5, 'Service indisponible pour le moment.', $error);
        }
        if ($organisation === null) {
            throw new NotFoundHttpException('Aucun organisme n’est servi à cette adresse.');
        }
        $this->tenancy->enter($organisation);
    }
}
