<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Testing;

use AmCloud\StarterKit\Migrations\Migrator;
use Doctrine\DBAL\Connection;
use Doctrine\DBAL\DriverManager;

/**
 * A real PostgreSQL database for one test class: made below TEST_DATABASE_URL, migrated, dropped at the end.
 */
final class TestDatabase
{
    private function __construct(
        public readonly string $url,
        private readonly string $name,
        private readonly Connection $server,
    ) {
    }

    public static function create(string $migrations): self
    {
        $url = $_SERVER['TEST_DATABASE_URL'] ?? '';
        if (!\is_string($url) || $url === '') {
            throw new \RuntimeException('TEST_DATABASE_URL est attendu : un PostgreSQL, rôle CREATEDB sans privilège de plus');
        }
        $server = DriverManager::getConnection(['url' => $url]);
        // Row security does not hold these roles: with one of them, tests of isolation would prove nothing.
        $free = $server->fetchOne('SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user');
        if ($free) {
            throw new \RuntimeException('TEST_DATABASE_URL : le rôle ne doit être ni SUPERUSER ni BYPASSRLS');
        }
        $name = 'essai_' . bin2hex(random_bytes(6));
        $server->executeStatement("CREATE DATABASE {$name}");
        $own = (string) preg_replace('~^([a-z]+://[^/]+)(/[^?]*)?~', '$1/' . $name, $url);
        $connection = DriverManager::getConnection(['url' => $own]);
        (new Migrator($connection, $migrations))->migrate(static fn (): null => null);
        $connection->close();

        return new self($own, $name, $server);
    }

    public function drop(): void
    {
        $this->server->executeStatement("DROP DATABASE IF EXISTS {$this->name} WITH (FORCE)");
        $this->server->close();
    }
}
