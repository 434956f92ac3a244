<?php

declare(strict_types=1);

namespace App\Tests;

use AmCloud\StarterKit\Testing\IsolationTestCase;

/** @group isolation */
final class IsolationTest extends IsolationTestCase
{
    public function testUneTacheNEstVueQueDeSonOrganisme(): void
    {
        $creee = self::request(self::FIRST, 'POST', '/taches', ['titre' => 'Tâche fictive']);
        self::assertSame(201, $creee->getStatusCode(), (string) $creee->getContent());

        self::assertCount(1, self::json(self::request(self::FIRST, 'GET', '/taches'))['taches']);
        self::assertCount(0, self::json(self::request(self::SECOND, 'GET', '/taches'))['taches']);
        self::assertSame(0, self::rowsShown(self::SECOND, 'tache'));
    }

    public function testUneTacheNeSeTermineQueDepuisSonOrganisme(): void
    {
        $id = self::json(self::request(self::FIRST, 'POST', '/taches', ['titre' => 'Autre tâche fictive']))['id'];

        self::assertSame(404, self::request(self::SECOND, 'POST', "/taches/{$id}/terminer")->getStatusCode());
        self::assertSame(303, self::request(self::FIRST, 'POST', "/taches/{$id}/terminer")->getStatusCode());
    }
}
