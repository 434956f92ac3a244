<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Migrations;

use Doctrine\DBAL\Connection;
use Doctrine\DBAL\Exception as DatabaseException;

/**
 * Applies migrations/NNNN_name.sql in order, each once, each in its own transaction, one process at a time.
 */
final class Migrator
{
    private const NAME = '/\A(?<number>[0-9]{4})_[a-z0-9_]+\.sql\z/';
    private const LOCK = 671_000_001; // any constant: all instances of one application take the same lock

    public function __construct(
        private readonly Connection $connection,
        private readonly string $folder,
    ) {
    }

    /**
     * @param callable(string): void $applied told after each migration
     *
     * @throws MigrationError
     */
    public function migrate(callable $applied): int
    {
        $this->connection->executeStatement('SELECT pg_advisory_lock(?)', [self::LOCK]);
        try {
            $this->connection->executeStatement(
                'CREATE TABLE IF NOT EXISTS amcloud_migrations ('
                . 'name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())'
            );
            /** @var array<string, string> $known */
            $known = $this->connection->fetchAllKeyValue('SELECT name, checksum FROM amcloud_migrations');
            $count = 0;
            foreach ($this->files() as $name => $sql) {
                $count += $this->apply($name, $sql, $known) ? 1 : 0;
                isset($known[$name]) || $applied($name);
            }

            return $count;
        } finally {
            $this->connection->executeStatement('SELECT pg_advisory_unlock(?)', [self::LOCK]);
        }
    }

    /** @return array<string, string> file name → SQL, in order */
    private function files(): array
    {
        $found = [];
        $numbers = [];
        $names = is_dir($this->folder) ? scandir($this->folder) ?: [] : [];
        foreach (array_filter($names, static fn (string $name): bool => str_ends_with($name, '.sql')) as $name) {
            if (preg_match(self::NAME, $name, $match) !== 1) {
                throw new MigrationError("migration {$name} : un nom NNNN_libelle.sql est attendu");
            }
            if (isset($numbers[$match['number']])) {
                throw new MigrationError("migration {$name} : le numéro {$match['number']} est déjà pris");
            }
            $numbers[$match['number']] = true;
            $found[$name] = (string) file_get_contents($this->folder . '/' . $name);
        }

        return $found;
    }

    /** @param array<string, string> $known */
    private function apply(string $name, string $sql, array $known): bool
    {
        $checksum = hash('sha256', $sql);
        if (isset($known[$name])) {
            if ($known[$name] !== $checksum) {
                throw new MigrationError("migration {$name} : modifiée après avoir été appliquée ; ajoutez-en une autre");
            }

            return false;
        }
        $native = $this->connection->getNativeConnection();
        \assert($native instanceof \PDO);
        try {
            $this->connection->transactional(static function (Connection $connection) use ($native, $name, $sql, $checksum): void {
                $native->exec($sql);
                $connection->insert('amcloud_migrations', ['name' => $name, 'checksum' => $checksum]);
            });
        } catch (DatabaseException | \PDOException $error) {
            throw new MigrationError("migration {$name} : {$error->getMessage()}", 0, $error);
        }

        return true;
    }
}
