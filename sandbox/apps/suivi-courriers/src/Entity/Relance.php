<?php

declare(strict_types=1);

namespace App\Entity;

use AmCloud\StarterKit\Privacy\NoPersonalData;
use AmCloud\StarterKit\Tenancy\TenantScoped;
use Doctrine\ORM\Mapping as ORM;

/** Un rappel adressé au service qui tarde à traiter un courrier. */
#[ORM\Entity]
#[ORM\Table(name: 'relance')]
#[NoPersonalData(reason: 'une date de relance, adressée à un service')]
class Relance
{
    use TenantScoped;

    #[ORM\Id]
    #[ORM\GeneratedValue(strategy: 'IDENTITY')]
    #[ORM\Column(type: 'integer')]
    private ?int $id = null;

    #[ORM\ManyToOne(targetEntity: Courrier::class, inversedBy: 'relances')]
    #[ORM\JoinColumn(name: 'courrier_id', nullable: false)]
    private Courrier $courrier;

    #[ORM\Column(type: 'date_immutable')]
    private \DateTimeImmutable $faiteLe;

    public function __construct(Courrier $courrier, \DateTimeImmutable $faiteLe)
    {
        $this->courrier = $courrier;
        $this->faiteLe = $faiteLe;
    }

    public function id(): int
    {
        return $this->id ?? throw new \LogicException('relance non enregistrée');
    }

    public function courrier(): Courrier
    {
        return $this->courrier;
    }

    public function faiteLe(): \DateTimeImmutable
    {
        return $this->faiteLe;
    }
}
