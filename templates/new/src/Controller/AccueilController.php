<?php

declare(strict_types=1);

namespace App\Controller;

use Symfony\Component\HttpFoundation\RedirectResponse;
use Symfony\Component\Routing\Annotation\Route;

final class AccueilController
{
    #[Route('/', name: 'accueil', methods: ['GET'])]
    public function __invoke(): RedirectResponse
    {
        return new RedirectResponse('/demandes');
    }
}
