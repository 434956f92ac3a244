<?php

declare(strict_types=1);

namespace App\Tests;

use AmCloud\StarterKit\Testing\IsolationTestCase;
use App\Entity\Courrier;
use App\Entity\PieceJointe;
use App\Entity\Relance;
use App\Entity\Service;
use Doctrine\ORM\EntityManagerInterface;

/** @group isolation */
final class IsolationTest extends IsolationTestCase
{
    private const COURRIER = [
        'reference' => 'EX-2026-001',
        'objet' => 'Demande fictive de rendez-vous',
        'expediteur' => 'Assuré fictif',
        'recu_le' => '2026-01-05',
    ];

    public function testUnCourrierNEstVuQueDeSonOrganisme(): void
    {
        $cree = self::request(self::FIRST, 'POST', '/courriers', self::COURRIER);
        self::assertSame(201, $cree->getStatusCode(), (string) $cree->getContent());
        $id = self::json($cree)['id'];

        self::assertSame(200, self::request(self::FIRST, 'GET', "/courriers/{$id}")->getStatusCode());
        self::assertSame(404, self::request(self::SECOND, 'GET', "/courriers/{$id}")->getStatusCode());
        self::assertNotContains($id, $this->identifiants(self::SECOND, '/courriers'));
        self::assertNotContains($id, $this->identifiants(self::SECOND, '/courriers?q=fictive'));
        self::assertContains($id, $this->identifiants(self::FIRST, '/courriers?q=fictive'));
    }

    public function testLExportNeContientQueLesCourriersDeLOrganisme(): void
    {
        self::request(self::FIRST, 'POST', '/courriers', ['reference' => 'EXPORT-901'] + self::COURRIER);

        self::assertStringContainsString('EXPORT-901', (string) self::request(self::FIRST, 'GET', '/courriers.csv')->getContent());
        self::assertStringNotContainsString('EXPORT-901', (string) self::request(self::SECOND, 'GET', '/courriers.csv')->getContent());
    }

    public function testUnAgentDUnAutreOrganismeEstRefuse(): void
    {
        self::assertSame(403, self::request(self::FIRST, 'GET', '/courriers', null, self::SECOND)->getStatusCode());
    }

    public function testUnCourrierNeSeModifiePasDepuisUnAutreOrganisme(): void
    {
        $id = self::json(self::request(self::FIRST, 'POST', '/courriers', self::COURRIER))['id'];

        self::assertSame(404, self::request(self::SECOND, 'POST', "/courriers/{$id}/clore")->getStatusCode());
        self::assertSame('recu', self::json(self::request(self::FIRST, 'GET', "/courriers/{$id}"))['statut']);
    }

    public function testPostgresqlCloisonneChaqueTableSansLeFiltreDeDoctrine(): void
    {
        self::within(self::FIRST, static function (EntityManagerInterface $entities): void {
            $service = new Service('Service fictif');
            $courrier = new Courrier('EX-RLS', 'Objet fictif', 'Expéditeur fictif', new \DateTimeImmutable('2026-01-05'));
            $courrier->confierA($service);
            $entites = [
                $service,
                $courrier,
                new PieceJointe($courrier, 'fictive.txt', 'contenu fictif'),
                new Relance($courrier, new \DateTimeImmutable('2026-01-20')),
            ];
            foreach ($entites as $entite) {
                $entities->persist($entite);
            }
            $entities->flush();
        });

        foreach (['service', 'courrier', 'piece_jointe', 'relance'] as $table) {
            self::assertGreaterThan(0, self::rowsShown(self::FIRST, $table), $table);
            self::assertSame(0, self::rowsShown(self::SECOND, $table), $table);
        }
    }

    /** @return list<int> */
    private function identifiants(string $organisation, string $adresse): array
    {
        return array_column(self::json(self::request($organisation, 'GET', $adresse))['courriers'], 'id');
    }
}
