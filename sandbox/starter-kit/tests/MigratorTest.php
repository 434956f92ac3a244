<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Tests;

use AmCloud\StarterKit\Migrations\MigrationError;
use AmCloud\StarterKit\Migrations\Migrator;
use AmCloud\StarterKit\Testing\TestDatabase;
use Doctrine\DBAL\Connection;
use Doctrine\DBAL\DriverManager;
use PHPUnit\Framework\TestCase;

final class MigratorTest extends TestCase
{
    private string $folder = '';
    private TestDatabase $database;
    private Connection $connection;

    protected function setUp(): void
    {
        $this->folder = sys_get_temp_dir() . '/migrations-' . bin2hex(random_bytes(6));
        mkdir($this->folder);
        $this->database = TestDatabase::create($this->folder);
        $this->connection = DriverManager::getConnection(['url' => $this->database->url]);
    }

    protected function tearDown(): void
    {
        $this->connection->close();
        $this->database->drop();
        array_map('unlink', glob($this->folder . '/*') ?: []);
        rmdir($this->folder);
    }

    public function testMigrationsAreAppliedOnceInOrder(): void
    {
        $this->file('0002_second.sql', 'ALTER TABLE a ADD COLUMN x int; INSERT INTO a VALUES (1);');
        $this->file('0001_first.sql', 'CREATE TABLE a ();');

        self::assertSame(['0001_first.sql', '0002_second.sql'], $this->migrate());
        self::assertSame([], $this->migrate());
    }

    public function testAFailingMigrationLeavesNothingOfItself(): void
    {
        $this->file('0001_first.sql', 'CREATE TABLE a (); CREATE TABLE a ();');
        try {
            $this->migrate();
            self::fail('it must fail');
        } catch (MigrationError $error) {
            self::assertStringContainsString('0001_first.sql', $error->getMessage());
        }
        $this->file('0001_first.sql', 'CREATE TABLE a ();');
        self::assertSame(['0001_first.sql'], $this->migrate());
    }

    public function testAnAppliedMigrationMayNotChange(): void
    {
        $this->file('0001_first.sql', 'CREATE TABLE a ();');
        $this->migrate();
        $this->file('0001_first.sql', 'CREATE TABLE b ();');

        $this->expectExceptionMessage('0001_first.sql : modifiée');
        $this->migrate();
    }

    /** @dataProvider names */
    public function testAWrongNameIsAnError(string $name): void
    {
        $this->file('0001_first.sql', 'SELECT 1;');
        $this->file($name, 'SELECT 1;');

        $this->expectException(MigrationError::class);
        $this->migrate();
    }

    /** @return iterable<string, array{string}> */
    public function names(): iterable
    {
        yield 'no number' => ['second.sql'];
        yield 'capitals' => ['0002_Second.sql'];
        yield 'a number twice' => ['0001_other.sql'];
    }

    private function file(string $name, string $sql): void
    {
        file_put_contents("{$this->folder}/{$name}", $sql);
    }

    /** @return list<string> */
    private function migrate(): array
    {
        $applied = [];
        (new Migrator($this->connection, $this->folder))->migrate(static function (string $name) use (&$applied): void {
            $applied[] = $name;
        });

        return $applied;
    }
}
