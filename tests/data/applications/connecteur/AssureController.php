<?php

declare(strict_types=1);

namespace App\Controller;

use Symfony\Component\HttpFoundation\JsonResponse;
use Symfony\Component\Routing\Annotation\Route;
use Symfony\Contracts\HttpClient\Exception\ExceptionInterface;
use Symfony\Contracts\HttpClient\HttpClientInterface;

/** Montre un assuré du référentiel national (exemple), demandé par le connecteur. */
final class AssureController
{
    public function __construct(private readonly HttpClientInterface $http)
    {
    }

    #[Route('/assures/{numero}', name: 'assure', requirements: ['numero' => 'EX-[0-9]{4}'], methods: ['GET'])]
    public function __invoke(string $numero): JsonResponse
    {
        $adresse = (string) getenv('CONNECTOR_REFERENTIEL_ESSAI_URL');
        $justificatif = (string) getenv('CONNECTOR_REFERENTIEL_ESSAI_TOKEN_FILE');
        if (!is_readable($justificatif)) {
            return new JsonResponse(['erreur' => 'Le référentiel des assurés n\'est pas accessible.'], 503);
        }
        try {
            $reponse = $this->http->request('GET', $adresse.'/assures/'.$numero, [
                'auth_bearer' => trim((string) file_get_contents($justificatif)),
            ]);
            $statut = $reponse->getStatusCode();
            $contenu = $reponse->toArray(false);
        } catch (ExceptionInterface) {
            return new JsonResponse(['erreur' => 'Le référentiel des assurés ne répond pas.'], 503);
        }
        if ($statut !== 200) {
            return new JsonResponse(['erreur' => 'Le référentiel des assurés refuse.', 'service' => $statut], 502);
        }

        return new JsonResponse($contenu);
    }
}
