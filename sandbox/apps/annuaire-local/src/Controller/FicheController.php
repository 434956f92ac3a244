<?php

declare(strict_types=1);

namespace App\Controller;

use AmCloud\StarterKit\Http\Negotiation;
use App\Annuaire\AnnuaireNational;
use App\Entity\Fiche;
use App\Entity\Unite;
use App\Repository\Fiches;
use App\Tri\TriFiches;
use Doctrine\ORM\EntityManagerInterface;
use Symfony\Component\HttpFoundation\JsonResponse;
use Symfony\Component\HttpFoundation\RedirectResponse;
use Symfony\Component\HttpFoundation\Request;
use Symfony\Component\HttpFoundation\Response;
use Symfony\Component\HttpKernel\Exception\BadRequestHttpException;
use Symfony\Component\HttpKernel\Exception\NotFoundHttpException;
use Symfony\Component\Routing\Annotation\Route;
use Twig\Environment;

final class FicheController
{
    public function __construct(
        private readonly Fiches $fiches,
        private readonly TriFiches $tri,
        private readonly AnnuaireNational $national,
        private readonly EntityManagerInterface $entities,
        private readonly Environment $twig,
    ) {
    }

    #[Route('/fiches', name: 'fiches', methods: ['GET'])]
    public function liste(Request $request): Response
    {
        $recherche = mb_substr(trim((string) $request->query->get('q', '')), 0, 100);
        $trouvees = $this->fiches->chercher($recherche);
        $fiches = $this->tri->trier($trouvees, (string) $request->query->get('tri', 'nom'));
        if (Negotiation::wantsJson($request)) {
            return new JsonResponse(['fiches' => array_map($this->enJson(...), $fiches)]);
        }
        $unites = $this->entities->getRepository(Unite::class)->findBy([], ['nom' => 'ASC']);

        return new Response($this->twig->render('fiches.html.twig', [
            'fiches' => $fiches,
            'unites' => $unites,
            'recherche' => $recherche,
        ]));
    }

    #[Route('/fiches', name: 'fiche_creer', methods: ['POST'])]
    public function creer(Request $request): Response
    {
        $json = Negotiation::wantsJson($request);
        $donnees = $json ? json_decode($request->getContent(), true, 8) : $request->request->all();
        $nom = \is_array($donnees) && \is_string($donnees['nom'] ?? null) ? trim($donnees['nom']) : '';
        $poste = \is_array($donnees) && \is_string($donnees['poste'] ?? null) ? trim($donnees['poste']) : '';
        if ($nom === '' || mb_strlen($nom) > 120 || preg_match('/\A[0-9]{2,10}\z/', $poste) !== 1) {
            throw new BadRequestHttpException('Un nom (120 caractères au plus) et un poste (2 à 10 chiffres) sont attendus.');
        }
        $fiche = new Fiche($nom, $poste);
        $this->entities->persist($fiche);
        $this->entities->flush();
        $adresse = "/fiches/{$fiche->id()}";

        return $json
            ? new JsonResponse($this->enJson($fiche), 201, ['Location' => $adresse])
            : new RedirectResponse($adresse, 303);
    }

    #[Route('/fiches/{id}', name: 'fiche', requirements: ['id' => '\d{1,9}'], methods: ['GET'])]
    public function detail(int $id, Request $request): Response
    {
        $fiche = $this->fiches->trouver($id) ?? throw new NotFoundHttpException('Cette fiche n’existe pas.');
        if (Negotiation::wantsJson($request)) {
            return new JsonResponse($this->enJson($fiche));
        }

        return new Response($this->twig->render('fiche.html.twig', [
            'fiche' => $fiche,
            'national' => $this->national->adresse($fiche->nom()),
        ]));
    }

    /** @return array<string, int|string|null> */
    private function enJson(Fiche $fiche): array
    {
        return [
            'id' => $fiche->id(),
            'nom' => $fiche->nom(),
            'poste' => $fiche->poste(),
            'unite' => $fiche->unite()?->nom(),
        ];
    }
}
