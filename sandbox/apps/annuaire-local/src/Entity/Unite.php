<?php

declare(strict_types=1);

namespace App\Entity;

use AmCloud\StarterKit\Privacy\NoPersonalData;
use AmCloud\StarterKit\Tenancy\TenantScoped;
use Doctrine\ORM\Mapping as ORM;

/** Une unité de l'organisme : service, agence, site. */
#[ORM\Entity]
#[ORM\Table(name: 'unite')]
class Unite
{
    use TenantScoped;

    #[ORM\Id]
    #[ORM\GeneratedValue(strategy: 'IDENTITY')]
    #[ORM\Column(type: 'integer')]
    private ?int $id = null;

    #[ORM\Column(type: 'string', length: 80)]
    #[NoPersonalData(reason: 'nom d’une unité, non d’une personne')]
    private string $nom;

    public function __construct(string $nom)
    {
        $this->nom = $nom;
    }

    public function id(): int
    {
        return $this->id ?? throw new \LogicException('unité non enregistrée');
    }

    public function nom(): string
    {
        return $this->nom;
    }
}
