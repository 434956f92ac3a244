<?php

declare(strict_types=1);

namespace App\Tests;

use AmCloud\StarterKit\Testing\IsolationTestCase;

/** @group isolation */
final class PrioriteTest extends IsolationTestCase
{
    private const COURRIER = [
        'reference' => 'EX-P',
        'objet' => 'Objet fictif',
        'expediteur' => 'Expéditeur fictif',
        'recu_le' => '2026-01-05',
    ];

    public function testUnCourrierEstNormalSaufSIlEstDitUrgent(): void
    {
        $normal = self::json(self::request(self::FIRST, 'POST', '/courriers', self::COURRIER));
        $urgent = self::json(self::request(self::FIRST, 'POST', '/courriers', self::COURRIER + ['priorite' => 'urgente']));

        self::assertSame(['normale', 'urgente'], [$normal['priorite'], $urgent['priorite']]);
    }

    public function testUnePrioriteInconnueEstRefusee(): void
    {
        $reponse = self::request(self::FIRST, 'POST', '/courriers', self::COURRIER + ['priorite' => 'immense']);

        self::assertSame(422, $reponse->getStatusCode());
    }

    public function testLesCourriersUrgentsViennentEnTete(): void
    {
        self::request(self::SECOND, 'POST', '/courriers', ['reference' => 'URGENT', 'recu_le' => '2025-01-05'] + self::COURRIER + ['priorite' => 'urgente']);
        self::request(self::SECOND, 'POST', '/courriers', ['reference' => 'RECENT'] + self::COURRIER);

        $liste = self::json(self::request(self::SECOND, 'GET', '/courriers'))['courriers'];
        self::assertSame(['URGENT', 'RECENT'], array_column($liste, 'reference'));
    }
}
