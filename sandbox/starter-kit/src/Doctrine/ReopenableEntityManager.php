<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Doctrine;

use Doctrine\ORM\Decorator\EntityManagerDecorator;
use Doctrine\ORM\EntityManagerInterface;

/**
 * Doctrine closes its manager at the first database error; this one opens another for the next organisation.
 */
final class ReopenableEntityManager extends EntityManagerDecorator
{
    /** @param \Closure(): EntityManagerInterface $open */
    public function __construct(private readonly \Closure $open)
    {
        parent::__construct($open());
    }

    /** Forgets all loaded objects; afterwards the manager is open, whatever happened before. */
    public function renew(): void
    {
        if ($this->wrapped->isOpen()) {
            $this->wrapped->clear();

            return;
        }
        $connection = $this->wrapped->getConnection();
        while ($connection->isTransactionActive()) {
            $connection->rollBack();
        }
        $this->wrapped = ($this->open)();
    }
}
