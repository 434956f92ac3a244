<?php

declare(strict_types=1);

namespace App\Entity;

enum Priorite: string
{
    case Normale = 'normale';
    case Urgente = 'urgente';

    public function libelle(): string
    {
        return match ($this) {
            self::Normale => 'Normale',
            self::Urgente => 'Urgente',
        };
    }
}
