<?php

declare(strict_types=1);

namespace App\Entity;

use AmCloud\StarterKit\Privacy\NoPersonalData;
use AmCloud\StarterKit\Privacy\PersonalData;
use AmCloud\StarterKit\Tenancy\TenantScoped;
use Doctrine\ORM\Mapping as ORM;

/** Une demande d’un agent. */
#[ORM\Entity]
#[ORM\Table(name: 'demande')]
class Demande
{
    use TenantScoped;

    #[ORM\Id]
    #[ORM\GeneratedValue(strategy: 'IDENTITY')]
    #[ORM\Column(type: 'integer')]
    private ?int $id = null;

    #[ORM\Column(type: 'string', length: 200)]
    #[PersonalData(category: 'texte_libre', retention: 'P2Y')]
    private string $objet;

    #[ORM\Column(type: 'boolean')]
    #[NoPersonalData(reason: 'état de la demande')]
    private bool $close = false;

    public function __construct(string $objet)
    {
        $this->objet = $objet;
    }

    public function id(): int
    {
        return $this->id ?? throw new \LogicException('demande non enregistrée');
    }

    public function objet(): string
    {
        return $this->objet;
    }

    public function estClose(): bool
    {
        return $this->close;
    }

    public function clore(): void
    {
        $this->close = true;
    }
}
