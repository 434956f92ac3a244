<?php

declare(strict_types=1);

namespace App\Controller;

use AmCloud\StarterKit\Http\Negotiation;
use App\Entity\Tache;
use Doctrine\ORM\EntityManagerInterface;
use Symfony\Component\HttpFoundation\JsonResponse;
use Symfony\Component\HttpFoundation\RedirectResponse;
use Symfony\Component\HttpFoundation\Request;
use Symfony\Component\HttpFoundation\Response;
use Symfony\Component\HttpKernel\Exception\BadRequestHttpException;
use Symfony\Component\HttpKernel\Exception\NotFoundHttpException;
use Symfony\Component\Routing\Annotation\Route;
use Twig\Environment;

final class TacheController
{
    public function __construct(
        private readonly EntityManagerInterface $entities,
        private readonly Environment $twig,
    ) {
    }

    #[Route('/taches', name: 'taches', methods: ['GET'])]
    public function liste(Request $request): Response
    {
        $taches = $this->entities->getRepository(Tache::class)->findBy([], ['id' => 'DESC'], 200);
        if (Negotiation::wantsJson($request)) {
            return new JsonResponse(['taches' => array_map($this->enJson(...), $taches)]);
        }

        return new Response($this->twig->render('taches.html.twig', ['taches' => $taches]));
    }

    #[Route('/taches', name: 'tache_creer', methods: ['POST'])]
    public function creer(Request $request): Response
    {
        $json = Negotiation::wantsJson($request);
        $donnees = $json ? json_decode($request->getContent(), true, 8) : $request->request->all();
        $titre = \is_array($donnees) && \is_string($donnees['titre'] ?? null) ? trim($donnees['titre']) : '';
        if ($titre === '' || mb_strlen($titre) > 200) {
            throw new BadRequestHttpException('Un titre de 200 caractères au plus est attendu.');
        }
        $tache = new Tache($titre);
        $this->entities->persist($tache);
        $this->entities->flush();

        return $json ? new JsonResponse($this->enJson($tache), 201) : new RedirectResponse('/taches', 303);
    }

    #[Route('/taches/{id}/terminer', name: 'tache_terminer', requirements: ['id' => '\d{1,9}'], methods: ['POST'])]
    public function terminer(int $id): Response
    {
        $tache = $this->entities->getRepository(Tache::class)->findOneBy(['id' => $id])
            ?? throw new NotFoundHttpException('Cette tâche n’existe pas.');
        $tache->terminer();
        $this->entities->flush();

        return new RedirectResponse('/taches', 303);
    }

    /** @return array<string, bool|int|string> */
    private function enJson(Tache $tache): array
    {
        return ['id' => $tache->id(), 'titre' => $tache->titre(), 'faite' => $tache->estFaite()];
    }
}
