<?php

declare(strict_types=1);

namespace App\Controller;

use App\Entity\Service;
use Doctrine\ORM\EntityManagerInterface;
use Symfony\Component\HttpFoundation\RedirectResponse;
use Symfony\Component\HttpFoundation\Request;
use Symfony\Component\HttpFoundation\Response;
use Symfony\Component\HttpKernel\Exception\BadRequestHttpException;
use Symfony\Component\Routing\Annotation\Route;
use Twig\Environment;

final class ServiceController
{
    public function __construct(
        private readonly EntityManagerInterface $entities,
        private readonly Environment $twig,
    ) {
    }

    #[Route('/services', name: 'services', methods: ['GET'])]
    public function liste(): Response
    {
        $services = $this->entities->getRepository(Service::class)->findBy([], ['nom' => 'ASC']);

        return new Response($this->twig->render('services.html.twig', ['services' => $services]));
    }

    #[Route('/services', name: 'service_creer', methods: ['POST'])]
    public function creer(Request $request): Response
    {
        $nom = trim((string) $request->request->get('nom', ''));
        if ($nom === '' || mb_strlen($nom) > 80) {
            throw new BadRequestHttpException('Le nom du service : entre 1 et 80 caractères.');
        }
        $this->entities->persist(new Service($nom));
        $this->entities->flush();

        return new RedirectResponse('/services', 303);
    }
}
