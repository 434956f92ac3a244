<?php

declare(strict_types=1);

namespace App\Controller;

use AmCloud\StarterKit\Http\Negotiation;
use App\Entity\Courrier;
use App\Entity\Service;
use App\Entity\StatutCourrier;
use App\Repository\Courriers;
use App\Saisie\SaisieCourrier;
use Doctrine\ORM\EntityManagerInterface;
use Symfony\Component\HttpFoundation\JsonResponse;
use Symfony\Component\HttpFoundation\RedirectResponse;
use Symfony\Component\HttpFoundation\Request;
use Symfony\Component\HttpFoundation\Response;
use Symfony\Component\HttpKernel\Exception\BadRequestHttpException;
use Symfony\Component\HttpKernel\Exception\NotFoundHttpException;
use Symfony\Component\Routing\Annotation\Route;
use Twig\Environment;

final class CourrierController
{
    public function __construct(
        private readonly Courriers $courriers,
        private readonly EntityManagerInterface $entities,
        private readonly Environment $twig,
    ) {
    }

    #[Route('/courriers', name: 'courriers', methods: ['GET'])]
    public function liste(Request $request): Response
    {
        $recherche = mb_substr(trim((string) $request->query->get('q', '')), 0, 100);
        $statut = StatutCourrier::tryFrom((string) $request->query->get('statut', ''));
        $page = max(1, min(10_000, $request->query->getInt('page', 1)));
        $trouves = $this->courriers->page($recherche, $statut, $page);
        if (Negotiation::wantsJson($request)) {
            $lignes = array_map($this->enJson(...), iterator_to_array($trouves, false));

            return new JsonResponse(['total' => \count($trouves), 'page' => $page, 'courriers' => $lignes]);
        }

        return new Response($this->twig->render('courriers.html.twig', [
            'courriers' => $trouves,
            'total' => \count($trouves),
            'pages' => (int) ceil(\count($trouves) / Courriers::PAR_PAGE),
            'page' => $page,
            'recherche' => $recherche,
            'statut' => $statut,
            'statuts' => StatutCourrier::cases(),
        ]));
    }

    #[Route('/courriers/nouveau', name: 'courrier_nouveau', methods: ['GET'])]
    public function nouveau(): Response
    {
        return new Response($this->twig->render('nouveau.html.twig', ['saisie' => SaisieCourrier::vide()]));
    }

    #[Route('/courriers', name: 'courrier_creer', methods: ['POST'])]
    public function creer(Request $request): Response
    {
        $json = Negotiation::wantsJson($request);
        $saisie = SaisieCourrier::de($json ? $this->corps($request) : $request->request->all());
        if ($saisie->erreur !== null) {
            return $json
                ? new JsonResponse(['erreur' => $saisie->erreur], 422)
                : new Response($this->twig->render('nouveau.html.twig', ['saisie' => $saisie]), 422);
        }
        $courrier = $saisie->courrier();
        $this->entities->persist($courrier);
        $this->entities->flush();
        $adresse = "/courriers/{$courrier->id()}";

        return $json
            ? new JsonResponse($this->enJson($courrier), 201, ['Location' => $adresse])
            : new RedirectResponse($adresse, 303);
    }

    #[Route('/courriers/{id}', name: 'courrier', requirements: ['id' => '\d{1,9}'], methods: ['GET'])]
    public function detail(int $id, Request $request): Response
    {
        $courrier = $this->trouver($id);
        if (Negotiation::wantsJson($request)) {
            return new JsonResponse($this->enJson($courrier));
        }
        $services = $this->entities->getRepository(Service::class)->findBy([], ['nom' => 'ASC']);

        return new Response($this->twig->render('courrier.html.twig', [
            'courrier' => $courrier,
            'services' => $services,
        ]));
    }

    #[Route('/courriers/{id}/service', name: 'courrier_confier', requirements: ['id' => '\d{1,9}'], methods: ['POST'])]
    public function confier(int $id, Request $request): Response
    {
        $courrier = $this->trouver($id);
        $service = $this->entities->getRepository(Service::class)
            ->findOneBy(['id' => $request->request->getInt('service')])
            ?? throw new BadRequestHttpException('Ce service n’existe pas.');
        $courrier->confierA($service);
        $this->entities->flush();

        return new RedirectResponse("/courriers/{$id}", 303);
    }

    #[Route('/courriers/{id}/clore', name: 'courrier_clore', requirements: ['id' => '\d{1,9}'], methods: ['POST'])]
    public function clore(int $id): Response
    {
        $this->trouver($id)->clore()
        $this->entities->flush();

        return new RedirectResponse("/courriers/{$id}", 303);
    }

    private function trouver(int $id): Courrier
    {
        return $this->courriers->trouver($id) ?? throw new NotFoundHttpException('Ce courrier n’existe pas.');
    }

    /** @return array<mixed> */
    private function corps(Request $request): array
    {
        $donnees = json_decode($request->getContent(), true, 8);

        return \is_array($donnees) ? $donnees : throw new BadRequestHttpException('Un objet JSON est attendu.');
    }

    /** @return array<string, int|string|null> */
    private function enJson(Courrier $courrier): array
    {
        return [
            'id' => $courrier->id(),
            'reference' => $courrier->reference(),
            'objet' => $courrier->objet(),
            'expediteur' => $courrier->expediteur(),
            'recu_le' => $courrier->recuLe()->format('Y-m-d'),
            'statut' => $courrier->statut()->value,
            'priorite' => $courrier->priorite()->value,
            'service' => $courrier->service()?->nom(),
            'organisation' => $courrier->organisation(),
        ];
    }
}
