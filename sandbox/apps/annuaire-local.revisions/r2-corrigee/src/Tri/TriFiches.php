<?php

declare(strict_types=1);

namespace App\Tri;

use App\Entity\Fiche;

/** Range les fiches par la colonne que l'agent a choisie. */
final class TriFiches
{
    private const COLONNES = ['nom', 'poste'];

    /**
     * @param list<Fiche> $fiches
     *
     * @return list<Fiche>
     */
    public function trier(array $fiches, string $colonne): array
    {
        $choisie = \in_array($colonne, self::COLONNES, true) ? $colonne : 'nom';
        usort($fiches, static fn (Fiche $a, Fiche $b): int => strcmp(self::valeur($a, $choisie), self::valeur($b, $choisie)));

        return $fiches;
    }

    private static function valeur(Fiche $fiche, string $colonne): string
    {
        return $colonne === 'poste' ? $fiche->poste() : $fiche->nom();
    }
}
