<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Tenancy;

use Doctrine\Common\EventSubscriber;
use Doctrine\ORM\Event\OnFlushEventArgs;
use Doctrine\ORM\Event\PrePersistEventArgs;
use Doctrine\ORM\Events;

/**
 * Stamps new records with the current organisation, and refuses to write those of another.
 */
final class TenantWriteGuard implements EventSubscriber
{
    public function __construct(private readonly TenantContext $context)
    {
    }

    public function getSubscribedEvents(): array
    {
        return [Events::prePersist, Events::onFlush];
    }

    public function prePersist(PrePersistEventArgs $event): void
    {
        $entity = $event->getObject();
        if (TenantScope::covers($entity::class)) {
            $entity->stampOrganisation($this->context->required()->code);
        }
    }

    public function onFlush(OnFlushEventArgs $event): void
    {
        $work = $event->getObjectManager()->getUnitOfWork();
        $written = [
            ...array_values($work->getScheduledEntityInsertions()),
            ...array_values($work->getScheduledEntityUpdates()),
            ...array_values($work->getScheduledEntityDeletions()),
        ];
        foreach ($written as $entity) {
            if (TenantScope::covers($entity::class) && $entity->organisation() !== $this->context->required()->code) {
                throw new TenantViolation('écriture refusée : enregistrement d’un autre organisme');
            }
        }
    }
}
