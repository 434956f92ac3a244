<?php

declare(strict_types=1);

namespace App\Entity;

use AmCloud\StarterKit\Privacy\NoPersonalData;
use AmCloud\StarterKit\Tenancy\SharedEntity;
use Doctrine\ORM\Mapping as ORM;

/** Fixe, mobile, télécopie : la même liste pour tous. */
#[ORM\Entity]
#[ORM\Table(name: 'type_numero')]
#[SharedEntity(reason: 'nomenclature nationale, sans donnée d’un organisme')]
#[NoPersonalData(reason: 'nomenclature nationale')]
class TypeNumero
{
    #[ORM\Id]
    #[ORM\Column(type: 'string', length: 10)]
    private string $code;

    #[ORM\Column(type: 'string', length: 40)]
    private string $libelle;

    public function __construct(string $code, string $libelle)
    {
        $this->code = $code;
        $this->libelle = $libelle;
    }

    public function code(): string
    {
        return $this->code;
    }

    public function libelle(): string
    {
        return $this->libelle;
    }
}
