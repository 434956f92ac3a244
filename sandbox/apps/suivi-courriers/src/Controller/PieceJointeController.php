<?php

declare(strict_types=1);

namespace App\Controller;

use App\Entity\PieceJointe;
use App\Repository\Courriers;
use Doctrine\ORM\EntityManagerInterface;
use Symfony\Component\HttpFoundation\File\UploadedFile;
use Symfony\Component\HttpFoundation\HeaderUtils;
use Symfony\Component\HttpFoundation\RedirectResponse;
use Symfony\Component\HttpFoundation\Request;
use Symfony\Component\HttpFoundation\Response;
use Symfony\Component\HttpKernel\Exception\BadRequestHttpException;
use Symfony\Component\HttpKernel\Exception\NotFoundHttpException;
use Symfony\Component\Routing\Annotation\Route;

final class PieceJointeController
{
    private const TAILLE_MAXIMALE = 2_000_000;

    public function __construct(
        private readonly Courriers $courriers,
        private readonly EntityManagerInterface $entities,
    ) {
    }

    #[Route('/courriers/{id}/pieces', name: 'piece_joindre', requirements: ['id' => '\d{1,9}'], methods: ['POST'])]
    public function joindre(int $id, Request $request): Response
    {
        $courrier = $this->courriers->trouver($id) ?? throw new NotFoundHttpException('Ce courrier n’existe pas.');
        $fichier = $request->files->get('fichier');
        if (!$fichier instanceof UploadedFile || !$fichier->isValid() || $fichier->getSize() > self::TAILLE_MAXIMALE) {
            throw new BadRequestHttpException('Un fichier de 2 Mo au plus est attendu.');
        }
        $nom = mb_substr(basename(str_replace('\\', '/', $fichier->getClientOriginalName())), 0, 120);
        $this->entities->persist(new PieceJointe($courrier, $nom === '' ? 'piece' : $nom, $fichier->getContent()));
        $this->entities->flush();

        return new RedirectResponse("/courriers/{$id}", 303);
    }

    #[Route('/pieces/{id}', name: 'piece', requirements: ['id' => '\d{1,9}'], methods: ['GET'])]
    public function lire(int $id): Response
    {
        $piece = $this->entities->getRepository(PieceJointe::class)->findOneBy(['id' => $id])
            ?? throw new NotFoundHttpException('Cette pièce n’existe pas.');
        $repli = preg_replace('/[^A-Za-z0-9._-]/', '_', $piece->nom()) ?: 'piece';

        // Jamais affichée par le navigateur : un fichier reçu pourrait contenir un programme.
        return new Response($piece->contenu(), 200, [
            'Content-Type' => 'application/octet-stream',
            'Content-Disposition' => HeaderUtils::makeDisposition('attachment', $piece->nom(), $repli),
        ]);
    }
}
