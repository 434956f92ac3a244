<?php

declare(strict_types=1);

namespace App\Controller;

use AmCloud\StarterKit\Http\Negotiation;
use App\Entity\Demande;
use Doctrine\ORM\EntityManagerInterface;
use Symfony\Component\HttpFoundation\JsonResponse;
use Symfony\Component\HttpFoundation\RedirectResponse;
use Symfony\Component\HttpFoundation\Request;
use Symfony\Component\HttpFoundation\Response;
use Symfony\Component\HttpKernel\Exception\BadRequestHttpException;
use Symfony\Component\HttpKernel\Exception\NotFoundHttpException;
use Symfony\Component\Routing\Annotation\Route;
use Twig\Environment;

final class DemandeController
{
    public function __construct(
        private readonly EntityManagerInterface $entities,
        private readonly Environment $twig,
    ) {
    }

    #[Route('/demandes', name: 'demandes', methods: ['GET'])]
    public function liste(Request $request): Response
    {
        $demandes = $this->entities->getRepository(Demande::class)->findBy([], ['id' => 'DESC'], 200);
        if (Negotiation::wantsJson($request)) {
            return new JsonResponse(['demandes' => array_map($this->enJson(...), $demandes)]);
        }

        return new Response($this->twig->render('demandes.html.twig', ['demandes' => $demandes]));
    }

    #[Route('/demandes', name: 'demande_creer', methods: ['POST'])]
    public function creer(Request $request): Response
    {
        $json = Negotiation::wantsJson($request);
        $donnees = $json ? json_decode($request->getContent(), true, 8) : $request->request->all();
        $objet = \is_array($donnees) && \is_string($donnees['objet'] ?? null) ? trim($donnees['objet']) : '';
        if ($objet === '' || mb_strlen($objet) > 200) {
            throw new BadRequestHttpException('Un objet de 200 caractères au plus est attendu.');
        }
        $demande = new Demande($objet);
        $this->entities->persist($demande);
        $this->entities->flush();

        return $json ? new JsonResponse($this->enJson($demande), 201) : new RedirectResponse('/demandes', 303);
    }

    #[Route('/demandes/{id}/clore', name: 'demande_clore', requirements: ['id' => '\d{1,9}'], methods: ['POST'])]
    public function clore(int $id): Response
    {
        $demande = $this->entities->getRepository(Demande::class)->findOneBy(['id' => $id])
            ?? throw new NotFoundHttpException('Cette demande n’existe pas.');
        $demande->clore();
        $this->entities->flush();

        return new RedirectResponse('/demandes', 303);
    }

    /** @return array<string, bool|int|string> */
    private function enJson(Demande $demande): array
    {
        return ['id' => $demande->id(), 'objet' => $demande->objet(), 'close' => $demande->estClose()];
    }
}
