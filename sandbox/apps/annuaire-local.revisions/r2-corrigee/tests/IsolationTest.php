<?php

declare(strict_types=1);

namespace App\Tests;

use AmCloud\StarterKit\Testing\IsolationTestCase;
use App\Entity\Fiche;
use App\Entity\Numero;
use App\Entity\TypeNumero;
use App\Entity\Unite;
use Doctrine\ORM\EntityManagerInterface;

/** @group isolation */
final class IsolationTest extends IsolationTestCase
{
    public function testUneFicheNEstTrouveeQueParSonOrganisme(): void
    {
        $creee = self::request(self::FIRST, 'POST', '/fiches', ['nom' => 'Exemple Fictif', 'poste' => '0100']);
        self::assertSame(201, $creee->getStatusCode(), (string) $creee->getContent());
        $id = self::json($creee)['id'];

        self::assertSame(['Exemple Fictif'], $this->noms(self::FIRST));
        self::assertSame([], $this->noms(self::SECOND));
        self::assertSame(404, self::request(self::SECOND, 'GET', "/fiches/{$id}")->getStatusCode());
    }

    public function testPostgresqlCloisonneChaqueTableSansLeFiltreDeDoctrine(): void
    {
        self::within(self::FIRST, static function (EntityManagerInterface $entities): void {
            $unite = new Unite('Unité fictive');
            $fiche = new Fiche('Exemple', '0200', $unite);
            $type = $entities->find(TypeNumero::class, 'fixe');
            self::assertInstanceOf(TypeNumero::class, $type);
            foreach ([$unite, $fiche, new Numero($fiche, $type, '0000000000')] as $entite) {
                $entities->persist($entite);
            }
            $entities->flush();
        });

        foreach (['unite', 'fiche', 'numero'] as $table) {
            self::assertGreaterThan(0, self::rowsShown(self::FIRST, $table), $table);
            self::assertSame(0, self::rowsShown(self::SECOND, $table), $table);
        }
    }

    /** @return list<string> */
    private function noms(string $organisation): array
    {
        return array_column(self::json(self::request($organisation, 'GET', '/fiches?q=fictif'))['fiches'], 'nom');
    }
}
