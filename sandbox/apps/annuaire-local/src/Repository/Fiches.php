<?php

declare(strict_types=1);

namespace App\Repository;

use App\Entity\Fiche;
use Doctrine\ORM\EntityManagerInterface;

final class Fiches
{
    private const LIMITE = 500;

    public function __construct(private readonly EntityManagerInterface $entities)
    {
    }

    public function trouver(int $id): ?Fiche
    {
        return $this->entities->getRepository(Fiche::class)->findOneBy(['id' => $id]);
    }

    /** @return list<Fiche> */
    public function chercher(string $recherche): array
    {
        $motif = '%' . addcslashes(mb_strtolower($recherche), '%_\\') . '%';

        return $this->entities->createQueryBuilder()
            ->select('f', 'u')
            ->from(Fiche::class, 'f')
            ->leftJoin('f.unite', 'u')
            ->where('LOWER(f.nom) LIKE :motif OR f.poste LIKE :motif')
            ->setParameter('motif', $motif)
            ->orderBy('f.nom', 'ASC')
            ->setMaxResults(self::LIMITE)
            ->getQuery()
            ->getResult();
    }
}
