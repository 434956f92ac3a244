<?php

declare(strict_types=1);

namespace App\Entity;

use AmCloud\StarterKit\Privacy\NoPersonalData;
use AmCloud\StarterKit\Privacy\PersonalData;
use AmCloud\StarterKit\Tenancy\TenantScoped;
use Doctrine\ORM\Mapping as ORM;

/** Un fichier joint à un courrier ; son contenu est dans la base, les conteneurs ne gardant rien. */
#[ORM\Entity]
#[ORM\Table(name: 'piece_jointe')]
#[NoPersonalData(reason: 'la taille ne dit rien de personne')]
class PieceJointe
{
    use TenantScoped;

    #[ORM\Id]
    #[ORM\GeneratedValue(strategy: 'IDENTITY')]
    #[ORM\Column(type: 'integer')]
    private ?int $id = null;

    #[ORM\ManyToOne(targetEntity: Courrier::class, inversedBy: 'pieces')]
    #[ORM\JoinColumn(name: 'courrier_id', nullable: false)]
    private Courrier $courrier;

    #[ORM\Column(type: 'string', length: 120)]
    #[PersonalData(category: 'texte_libre', retention: 'P5Y')]
    private string $nom;

    #[ORM\Column(type: 'integer')]
    private int $taille;

    /** @var resource|string */
    #[ORM\Column(type: 'blob')]
    #[PersonalData(category: 'texte_libre', retention: 'P5Y')]
    private mixed $contenu;

    public function __construct(Courrier $courrier, string $nom, string $contenu)
    {
        $this->courrier = $courrier;
        $this->nom = $nom;
        $this->taille = \strlen($contenu);
        $this->contenu = $contenu;
    }

    public function id(): int
    {
        return $this->id ?? throw new \LogicException('pièce non enregistrée');
    }

    public function courrier(): Courrier
    {
        return $this->courrier;
    }

    public function nom(): string
    {
        return $this->nom;
    }

    public function taille(): int
    {
        return $this->taille;
    }

    public function contenu(): string
    {
        return \is_resource($this->contenu) ? (string) stream_get_contents($this->contenu, -1, 0) : $this->contenu;
    }
}
