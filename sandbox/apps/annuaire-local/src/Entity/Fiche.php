<?php

declare(strict_types=1);

namespace App\Entity;

use AmCloud\StarterKit\Privacy\PersonalData;
use Doctrine\Common\Collections\ArrayCollection;
use Doctrine\Common\Collections\Collection;
use Doctrine\ORM\Mapping as ORM;

/** La fiche d'un agent dans l'annuaire. */
#[ORM\Entity]
#[ORM\Table(name: 'fiche')]
class Fiche
{
    #[ORM\Id]
    #[ORM\GeneratedValue(strategy: 'IDENTITY')]
    #[ORM\Column(type: 'integer')]
    private ?int $id = null;

    #[ORM\Column(type: 'string', length: 120)]
    #[PersonalData(category: 'identite', retention: 'P1Y')]
    private string $nom;

    #[ORM\Column(type: 'string', length: 10)]
    #[PersonalData(category: 'vie_professionnelle', retention: 'P1Y')]
    private string $poste;

    #[ORM\ManyToOne(targetEntity: Unite::class)]
    #[ORM\JoinColumn(name: 'unite_id', nullable: true)]
    private ?Unite $unite;

    /** @var Collection<int, Numero> */
    #[ORM\OneToMany(mappedBy: 'fiche', targetEntity: Numero::class)]
    private Collection $numeros;

    public function __construct(string $nom, string $poste, ?Unite $unite = null)
    {
        $this->nom = $nom;
        $this->poste = $poste;
        $this->unite = $unite;
        $this->numeros = new ArrayCollection();
    }

    public function id(): int
    {
        return $this->id ?? throw new \LogicException('fiche non enregistrée');
    }

    public function nom(): string
    {
        return $this->nom;
    }

    public function poste(): string
    {
        return $this->poste;
    }

    public function unite(): ?Unite
    {
        return $this->unite;
    }

    /** @return Collection<int, Numero> */
    public function numeros(): Collection
    {
        return $this->numeros;
    }
}
