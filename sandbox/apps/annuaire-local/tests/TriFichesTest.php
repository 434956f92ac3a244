<?php

declare(strict_types=1);

namespace App\Tests;

use App\Entity\Fiche;
use App\Tri\TriFiches;
use PHPUnit\Framework\TestCase;

final class TriFichesTest extends TestCase
{
    /** @dataProvider colonnes */
    public function testLesFichesSontRangeesParLaColonneChoisie(string $colonne, string $premiere): void
    {
        $fiches = [new Fiche('Exemple B', '0100'), new Fiche('Exemple A', '0200')];

        self::assertSame($premiere, (new TriFiches())->trier($fiches, $colonne)[0]->nom());
    }

    /** @return iterable<string, array{string, string}> */
    public function colonnes(): iterable
    {
        yield 'par nom' => ['nom', 'Exemple A'];
        yield 'par poste' => ['poste', 'Exemple B'];
        yield 'une colonne inconnue : par nom' => ['id', 'Exemple A'];
    }
}
