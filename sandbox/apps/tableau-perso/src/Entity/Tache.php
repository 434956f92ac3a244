<?php

declare(strict_types=1);

namespace App\Entity;

use AmCloud\StarterKit\Privacy\NoPersonalData;
use AmCloud\StarterKit\Privacy\PersonalData;
use AmCloud\StarterKit\Tenancy\TenantScoped;
use Doctrine\ORM\Mapping as ORM;

/** Une tâche du tableau. */
#[ORM\Entity]
#[ORM\Table(name: 'tache')]
class Tache
{
    use TenantScoped;

    #[ORM\Id]
    #[ORM\GeneratedValue(strategy: 'IDENTITY')]
    #[ORM\Column(type: 'integer')]
    private ?int $id = null;

    #[ORM\Column(type: 'string', length: 200)]
    #[PersonalData(category: 'texte_libre', retention: 'P1Y')]
    private string $titre;

    #[ORM\Column(type: 'boolean')]
    #[NoPersonalData(reason: 'état de la tâche')]
    private bool $faite = false;

    public function __construct(string $titre)
    {
        $this->titre = $titre;
    }

    public function id(): int
    {
        return $this->id ?? throw new \LogicException('tâche non enregistrée');
    }

    public function titre(): string
    {
        return $this->titre;
    }

    public function estFaite(): bool
    {
        return $this->faite;
    }

    public function terminer(): void
    {
        $this->faite = true;
    }
}
