<?php

declare(strict_types=1);

namespace App\Saisie;

use App\Entity\Courrier;
use App\Entity\Priorite;

/** Ce que l'agent a saisi (formulaire ou JSON), vérifié avant de devenir un courrier. */
final class SaisieCourrier
{
    private const LONGUEURS = ['reference' => 40, 'objet' => 200, 'expediteur' => 120];

    /** @param array<string, string> $valeurs */
    private function __construct(public readonly array $valeurs, public readonly ?string $erreur)
    {
    }

    public static function vide(): self
    {
        return new self(
            ['reference' => '', 'objet' => '', 'expediteur' => '', 'recu_le' => date('Y-m-d'), 'priorite' => 'normale'],
            null,
        );
    }

    /** @param array<mixed> $donnees */
    public static function de(array $donnees): self
    {
        $valeurs = [];
        foreach (['reference', 'objet', 'expediteur', 'recu_le'] as $champ) {
            $valeur = $donnees[$champ] ?? '';
            $valeurs[$champ] = \is_string($valeur) ? trim($valeur) : '';
        }
        $priorite = $donnees['priorite'] ?? Priorite::Normale->value;
        $valeurs['priorite'] = \is_string($priorite) ? $priorite : '';

        return new self($valeurs, self::erreur($valeurs));
    }

    public function courrier(): Courrier
    {
        return new Courrier(
            $this->valeurs['reference'],
            $this->valeurs['objet'],
            $this->valeurs['expediteur'],
            new \DateTimeImmutable($this->valeurs['recu_le']),
            Priorite::from($this->valeurs['priorite']),
        );
    }

    /** @param array<string, string> $valeurs */
    private static function erreur(array $valeurs): ?string
    {
        foreach (self::LONGUEURS as $champ => $longueur) {
            if ($valeurs[$champ] === '' || mb_strlen($valeurs[$champ]) > $longueur) {
                return "{$champ} : entre 1 et {$longueur} caractères sont attendus";
            }
        }
        if (Priorite::tryFrom($valeurs['priorite']) === null) {
            return 'priorite : normale ou urgente est attendu';
        }
        $date = \DateTimeImmutable::createFromFormat('!Y-m-d', $valeurs['recu_le']);
        if ($date === false || $date->format('Y-m-d') !== $valeurs['recu_le']) {
            return 'recu_le : une date AAAA-MM-JJ est attendue';
        }

        return null;
    }
}
