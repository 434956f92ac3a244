<?php

declare(strict_types=1);

namespace App\Entity;

use AmCloud\StarterKit\Privacy\PersonalData;
use AmCloud\StarterKit\Tenancy\TenantScoped;
use Doctrine\ORM\Mapping as ORM;

/** Un numéro où joindre un agent. */
#[ORM\Entity]
#[ORM\Table(name: 'numero')]
class Numero
{
    use TenantScoped;

    #[ORM\Id]
    #[ORM\GeneratedValue(strategy: 'IDENTITY')]
    #[ORM\Column(type: 'integer')]
    private ?int $id = null;

    #[ORM\ManyToOne(targetEntity: Fiche::class, inversedBy: 'numeros')]
    #[ORM\JoinColumn(name: 'fiche_id', nullable: false)]
    private Fiche $fiche;

    #[ORM\ManyToOne(targetEntity: TypeNumero::class)]
    #[ORM\JoinColumn(name: 'type_id', referencedColumnName: 'code', nullable: false)]
    private TypeNumero $type;

    #[ORM\Column(type: 'string', length: 20)]
    #[PersonalData(category: 'contact', retention: 'P1Y')]
    private string $valeur;

    public function __construct(Fiche $fiche, TypeNumero $type, string $valeur)
    {
        $this->fiche = $fiche;
        $this->type = $type;
        $this->valeur = $valeur;
    }

    public function id(): int
    {
        return $this->id ?? throw new \LogicException('numéro non enregistré');
    }

    public function fiche(): Fiche
    {
        return $this->fiche;
    }

    public function type(): TypeNumero
    {
        return $this->type;
    }

    public function valeur(): string
    {
        return $this->valeur;
    }
}
