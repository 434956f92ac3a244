<?php

declare(strict_types=1);

namespace App\Entity;

use AmCloud\StarterKit\Privacy\NoPersonalData;
use AmCloud\StarterKit\Privacy\PersonalData;
use AmCloud\StarterKit\Tenancy\TenantScoped;
use Doctrine\Common\Collections\ArrayCollection;
use Doctrine\Common\Collections\Collection;
use Doctrine\ORM\Mapping as ORM;

/** Un courrier entrant. */
#[ORM\Entity]
#[ORM\Table(name: 'courrier')]
#[NoPersonalData(reason: 'référence, dates et état du traitement ; le reste est classé à part')]
class Courrier
{
    use TenantScoped;

    #[ORM\Id]
    #[ORM\GeneratedValue(strategy: 'IDENTITY')]
    #[ORM\Column(type: 'integer')]
    private ?int $id = null;

    #[ORM\Column(type: 'string', length: 40)]
    private string $reference;

    #[ORM\Column(type: 'string', length: 200)]
    #[PersonalData(category: 'texte_libre', retention: 'P5Y')]
    private string $objet;

    #[ORM\Column(type: 'string', length: 120)]
    #[PersonalData(category: 'identite', retention: 'P5Y')]
    private string $expediteur;

    #[ORM\Column(type: 'date_immutable')]
    private \DateTimeImmutable $recuLe;

    #[ORM\Column(type: 'string', length: 10, enumType: StatutCourrier::class)]
    private StatutCourrier $statut = StatutCourrier::Recu;

    #[ORM\Column(type: 'string', length: 10, enumType: Priorite::class)]
    private Priorite $priorite;

    #[ORM\ManyToOne(targetEntity: Service::class)]
    #[ORM\JoinColumn(name: 'service_id', nullable: true)]
    private ?Service $service = null;

    /** @var Collection<int, PieceJointe> */
    #[ORM\OneToMany(mappedBy: 'courrier', targetEntity: PieceJointe::class)]
    private Collection $pieces;

    /** @var Collection<int, Relance> */
    #[ORM\OneToMany(mappedBy: 'courrier', targetEntity: Relance::class)]
    private Collection $relances;

    public function __construct(
        string $reference,
        string $objet,
        string $expediteur,
        \DateTimeImmutable $recuLe,
        Priorite $priorite = Priorite::Normale,
    ) {
        $this->priorite = $priorite;
        $this->reference = $reference;
        $this->objet = $objet;
        $this->expediteur = $expediteur;
        $this->recuLe = $recuLe;
        $this->pieces = new ArrayCollection();
        $this->relances = new ArrayCollection();
    }

    public function id(): int
    {
        return $this->id ?? throw new \LogicException('courrier non enregistré');
    }

    public function reference(): string
    {
        return $this->reference;
    }

    public function objet(): string
    {
        return $this->objet;
    }

    public function expediteur(): string
    {
        return $this->expediteur;
    }

    public function recuLe(): \DateTimeImmutable
    {
        return $this->recuLe;
    }

    public function statut(): StatutCourrier
    {
        return $this->statut;
    }

    public function priorite(): Priorite
    {
        return $this->priorite;
    }

    public function service(): ?Service
    {
        return $this->service;
    }

    public function confierA(Service $service): void
    {
        $this->service = $service;
        $this->statut = StatutCourrier::EnCours;
    }

    public function clore(): void
    {
        $this->statut = StatutCourrier::Clos;
    }

    /** @return Collection<int, PieceJointe> */
    public function pieces(): Collection
    {
        return $this->pieces;
    }

    /** @return Collection<int, Relance> */
    public function relances(): Collection
    {
        return $this->relances;
    }
}
