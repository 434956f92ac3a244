<?php

declare(strict_types=1);

namespace App\Annuaire;

/** Adresse d'une fiche dans l'annuaire national (fictif). */
final class AnnuaireNational
{
    public function adresse(string $nom): string
    {
        return 'https://annuaire.example/recherche?' . http_build_query(['nom' => $nom]);
    }
}
