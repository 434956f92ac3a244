<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Tenancy;

use AmCloud\StarterKit\Doctrine\ReopenableEntityManager;

/**
 * Enters and leaves an organisation: context, Doctrine's filter and PostgreSQL's setting change together.
 */
final class Tenancy
{
    public function __construct(
        private readonly TenantContext $context,
        private readonly ReopenableEntityManager $entities,
    ) {
    }

    public function enter(Organisation $organisation): void
    {
        $this->switch($organisation);
    }

    public function leave(): void
    {
        $this->switch(null);
    }

    /**
     * @template T
     *
     * @param callable(): T $work
     *
     * @return T what $work returns; the former organisation is back afterwards, whatever happens
     */
    public function within(Organisation $organisation, callable $work): mixed
    {
        $before = $this->context->current();
        $this->switch($organisation);
        try {
            return $work();
        } finally {
            $this->switch($before);
        }
    }

    private function switch(?Organisation $organisation): void
    {
        // Objects loaded for one organisation must not be found in memory by the next one.
        $this->entities->renew();
        $this->context->set($organisation);
        $code = $organisation->code ?? '';
        $this->entities->getFilters()->enable(TenantFilter::NAME)->setParameter('organisation', $code);
        $connection = $this->entities->getConnection();
        if ($connection->isConnected()) {
            $connection->executeStatement("SELECT set_config('amcloud.organisation', ?, false)", [$code]);
        }
    }
}
