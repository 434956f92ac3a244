<?php

declare(strict_types=1);

namespace App\Tests;

use AmCloud\StarterKit\Testing\IsolationTestCase;

/** @group isolation */
final class IsolationTest extends IsolationTestCase
{
    public function testUneDemandeNEstVueQueDeSonOrganisme(): void
    {
        $creee = self::request(self::FIRST, 'POST', '/demandes', ['objet' => 'Demande fictive']);
        self::assertSame(201, $creee->getStatusCode(), (string) $creee->getContent());

        self::assertCount(1, self::json(self::request(self::FIRST, 'GET', '/demandes'))['demandes']);
        self::assertCount(0, self::json(self::request(self::SECOND, 'GET', '/demandes'))['demandes']);
        self::assertSame(0, self::rowsShown(self::SECOND, 'demande'));
    }

    public function testUneDemandeNeSeTermineQueDepuisSonOrganisme(): void
    {
        $id = self::json(self::request(self::FIRST, 'POST', '/demandes', ['objet' => 'Autre demande fictive']))['id'];

        self::assertSame(404, self::request(self::SECOND, 'POST', "/demandes/{$id}/clore")->getStatusCode());
        self::assertSame(303, self::request(self::FIRST, 'POST', "/demandes/{$id}/clore")->getStatusCode());
    }
}
