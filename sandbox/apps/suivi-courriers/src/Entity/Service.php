<?php

declare(strict_types=1);

namespace App\Entity;

use AmCloud\StarterKit\Privacy\NoPersonalData;
use AmCloud\StarterKit\Tenancy\TenantScoped;
use Doctrine\ORM\Mapping as ORM;

/** Un service de l'organisme, à qui un courrier est confié. */
#[ORM\Entity]
#[ORM\Table(name: 'service')]
class Service
{
    use TenantScoped;

    #[ORM\Id]
    #[ORM\GeneratedValue(strategy: 'IDENTITY')]
    #[ORM\Column(type: 'integer')]
    private ?int $id = null;

    #[ORM\Column(type: 'string', length: 80)]
    #[NoPersonalData(reason: 'nom d’un service, non d’une personne')]
    private string $nom;

    public function __construct(string $nom)
    {
        $this->nom = $nom;
    }

    public function id(): int
    {
        return $this->id ?? throw new \LogicException('service non enregistré');
    }

    public function nom(): string
    {
        return $this->nom;
    }
}
