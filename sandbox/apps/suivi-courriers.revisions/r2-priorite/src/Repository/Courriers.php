<?php

declare(strict_types=1);

namespace App\Repository;

use App\Entity\Courrier;
use App\Entity\StatutCourrier;
use Doctrine\ORM\EntityManagerInterface;
use Doctrine\ORM\QueryBuilder;
use Doctrine\ORM\Tools\Pagination\Paginator;

/** Les courriers de l'organisme courant : le socle filtre, aucune requête d'ici ne nomme l'organisme. */
final class Courriers
{
    public const PAR_PAGE = 50;
    private const JOURS_AVANT_RELANCE = 10;

    public function __construct(private readonly EntityManagerInterface $entities)
    {
    }

    public function trouver(int $id): ?Courrier
    {
        return $this->requete('', null)->andWhere('c.id = :id')->setParameter('id', $id)
            ->getQuery()->getOneOrNullResult();
    }

    /** @return Paginator<Courrier> */
    public function page(string $recherche, ?StatutCourrier $statut, int $page): Paginator
    {
        $requete = $this->requete($recherche, $statut)
            ->setFirstResult(($page - 1) * self::PAR_PAGE)
            ->setMaxResults(self::PAR_PAGE);

        return new Paginator($requete, false);
    }

    /** @return iterable<Courrier> */
    public function tous(string $recherche, ?StatutCourrier $statut): iterable
    {
        return $this->requete($recherche, $statut)->getQuery()->toIterable();
    }

    /** @return list<Courrier> ceux qui attendent depuis trop longtemps et n'ont pas été relancés entre-temps */
    public function aRelancer(\DateTimeImmutable $aujourdhui): array
    {
        $avant = $aujourdhui->modify('-' . self::JOURS_AVANT_RELANCE . ' days');

        return $this->entities->createQueryBuilder()
            ->select('c')
            ->from(Courrier::class, 'c')
            ->where('c.statut <> :clos')
            ->andWhere('c.recuLe <= :avant')
            ->andWhere('NOT EXISTS (SELECT r.id FROM App\Entity\Relance r WHERE r.courrier = c AND r.faiteLe > :avant)')
            ->setParameter('clos', StatutCourrier::Clos->value)
            ->setParameter('avant', $avant->format('Y-m-d'))
            ->orderBy('c.recuLe', 'ASC')
            ->getQuery()
            ->getResult();
    }

    private function requete(string $recherche, ?StatutCourrier $statut): QueryBuilder
    {
        $requete = $this->entities->createQueryBuilder()
            ->select('c', 's')
            ->from(Courrier::class, 'c')
            ->leftJoin('c.service', 's')
            ->orderBy('c.priorite', 'DESC')
            ->addOrderBy('c.recuLe', 'DESC')
            ->addOrderBy('c.id', 'DESC');
        if ($recherche !== '') {
            $motif = '%' . addcslashes(mb_strtolower($recherche), '%_\\') . '%';
            $requete->andWhere('LOWER(c.objet) LIKE :motif OR LOWER(c.expediteur) LIKE :motif OR LOWER(c.reference) LIKE :motif')
                ->setParameter('motif', $motif);
        }
        if ($statut !== null) {
            $requete->andWhere('c.statut = :statut')->setParameter('statut', $statut->value);
        }

        return $requete;
    }
}
