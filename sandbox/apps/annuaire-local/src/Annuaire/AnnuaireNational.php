<?php

declare(strict_types=1);

namespace App\Annuaire;

/** Adresse d'une fiche dans l'annuaire national (fictif). */
final class AnnuaireNational
{
    // Clé fictive, mais écrite comme une vraie : c'est ce que la règle doit trouver.
    private string $apiKey = 'a8F3kLq92FAUXMzXv7TbR4nYw1';

    public function adresse(string $nom): string
    {
        return 'https://annuaire.example/recherche?' . http_build_query(['nom' => $nom, 'cle' => $this->apiKey]);
    }
}
