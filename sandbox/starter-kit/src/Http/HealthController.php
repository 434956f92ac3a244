<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Http;

use AmCloud\StarterKit\Tenancy\Organisations;
use Doctrine\DBAL\Connection;
use Psr\Log\LoggerInterface;
use Symfony\Component\HttpFoundation\JsonResponse;

/**
 * GET /sante: 200 when the application can serve (database reachable, organisations readable), else 503.
 */
final class HealthController
{
    public function __construct(
        private readonly Connection $connection,
        private readonly Organisations $organisations,
        private readonly LoggerInterface $logger,
    ) {
    }

    public function __invoke(): JsonResponse
    {
        try {
            $this->connection->executeQuery('SELECT 1')->fetchOne();
            $this->organisations->enabled();
        } catch (\Throwable $error) {
            $this->logger->error('santé : {reason}', ['reason' => $error->getMessage()]);

            return new JsonResponse(['statut' => 'indisponible'], 503);
        }

        return new JsonResponse(['statut' => 'ok']);
    }
}
