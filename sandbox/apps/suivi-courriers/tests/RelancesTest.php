<?php

declare(strict_types=1);

namespace App\Tests;

use AmCloud\StarterKit\Testing\IsolationTestCase;
use App\Entity\Relance;
use Doctrine\ORM\EntityManagerInterface;
use Symfony\Bundle\FrameworkBundle\Console\Application;
use Symfony\Component\Console\Tester\CommandTester;

final class RelancesTest extends IsolationTestCase
{
    public function testLesCourriersQuiAttendentSontRelancesUneSeuleFoisDansChaqueOrganisme(): void
    {
        foreach ([self::FIRST, self::SECOND] as $organisation) {
            self::request($organisation, 'POST', '/courriers', [
                'reference' => "ANCIEN-{$organisation}",
                'objet' => 'Objet fictif',
                'expediteur' => 'Expéditeur fictif',
                'recu_le' => (new \DateTimeImmutable('-30 days'))->format('Y-m-d'),
            ]);
            self::request($organisation, 'POST', '/courriers', [
                'reference' => "RECENT-{$organisation}",
                'objet' => 'Objet fictif',
                'expediteur' => 'Expéditeur fictif',
                'recu_le' => (new \DateTimeImmutable('today'))->format('Y-m-d'),
            ]);
        }
        $this->lancer();
        $this->lancer();

        foreach ([self::FIRST, self::SECOND] as $organisation) {
            $relances = self::within(
                $organisation,
                static fn (EntityManagerInterface $entities): array => array_map(
                    static fn (Relance $relance): string => $relance->courrier()->reference(),
                    $entities->getRepository(Relance::class)->findAll(),
                ),
            );
            self::assertSame(["ANCIEN-{$organisation}"], $relances);
        }
    }

    private function lancer(): void
    {
        self::assertNotNull(self::$kernel);
        $commande = (new Application(self::$kernel))->find('app:relances');
        self::assertSame(0, (new CommandTester($commande))->execute([]));
    }
}
