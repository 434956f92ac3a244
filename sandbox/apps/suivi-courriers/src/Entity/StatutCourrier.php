<?php

declare(strict_types=1);

namespace App\Entity;

enum StatutCourrier: string
{
    case Recu = 'recu';
    case EnCours = 'en_cours';
    case Clos = 'clos';

    public function libelle(): string
    {
        return match ($this) {
            self::Recu => 'Reçu',
            self::EnCours => 'En cours',
            self::Clos => 'Clos',
        };
    }
}
