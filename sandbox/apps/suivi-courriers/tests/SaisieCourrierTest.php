<?php

declare(strict_types=1);

namespace App\Tests;

use App\Saisie\SaisieCourrier;
use PHPUnit\Framework\TestCase;

final class SaisieCourrierTest extends TestCase
{
    private const VALIDE = [
        'reference' => 'EX-1',
        'objet' => 'Objet fictif',
        'expediteur' => 'Expéditeur fictif',
        'recu_le' => '2026-01-31',
    ];

    public function testUneSaisieCompleteEstAcceptee(): void
    {
        self::assertNull(SaisieCourrier::de(self::VALIDE)->erreur);
        self::assertSame('EX-1', SaisieCourrier::de(self::VALIDE)->courrier()->reference());
    }

    /** @dataProvider refusees */
    public function testUneSaisieFausseNommeLeChamp(string $champ, mixed $valeur): void
    {
        self::assertStringStartsWith($champ, (string) SaisieCourrier::de([$champ => $valeur] + self::VALIDE)->erreur);
    }

    /** @return iterable<string, array{string, mixed}> */
    public function refusees(): iterable
    {
        yield 'référence vide' => ['reference', '  '];
        yield 'référence qui n’est pas un texte' => ['reference', ['x']];
        yield 'objet trop long' => ['objet', str_repeat('x', 201)];
        yield 'date impossible' => ['recu_le', '2026-02-31'];
        yield 'date dans un autre format' => ['recu_le', '31/01/2026'];
    }
}
