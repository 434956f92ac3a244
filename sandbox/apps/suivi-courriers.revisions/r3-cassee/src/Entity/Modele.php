<?php

declare(strict_types=1);

namespace App\Entity;

use AmCloud\StarterKit\Privacy\PersonalData;
use Doctrine\ORM\Mapping as ORM;

/** Un modèle de réponse : il porte le nom d'assurés (fictifs), mais ni cloisonnement, ni raison d'être partagé. */
#[ORM\Entity]
#[ORM\Table(name: 'modele')]
class Modele
{
    #[ORM\Id]
    #[ORM\GeneratedValue(strategy: 'IDENTITY')]
    #[ORM\Column(type: 'integer')]
    private ?int $id = null;

    #[ORM\Column(type: 'text')]
    #[PersonalData(category: 'texte_libre', retention: 'P5Y')]
    private string $texte;

    public function __construct(string $texte)
    {
        $this->texte = $texte;
    }

    public function id(): ?int
    {
        return $this->id;
    }

    public function texte(): string
    {
        return $this->texte;
    }
}
