<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Doctrine;

use AmCloud\StarterKit\Tenancy\TenantContext;
use Doctrine\DBAL\Driver;
use Doctrine\DBAL\Driver\Connection;
use Doctrine\DBAL\Driver\Middleware;
use Doctrine\DBAL\Driver\Middleware\AbstractDriverMiddleware;

/**
 * Every connection starts by telling PostgreSQL whose rows it may see; without an organisation: nobody's.
 */
final class TenantMiddleware implements Middleware
{
    public function __construct(private readonly TenantContext $context)
    {
    }

    public function wrap(Driver $driver): Driver
    {
        return new class ($driver, $this->context) extends AbstractDriverMiddleware {
            public function __construct(Driver $driver, private readonly TenantContext $context)
            {
                parent::__construct($driver);
            }

            public function connect(array $params): Connection
            {
                $connection = parent::connect($params);
                $code = $this->context->current()?->code ?? '';
                $statement = $connection->prepare("SELECT set_config('amcloud.organisation', ?, false)");
                $statement->bindValue(1, $code);
                $statement->execute();

                return $connection;
            }
        };
    }
}
