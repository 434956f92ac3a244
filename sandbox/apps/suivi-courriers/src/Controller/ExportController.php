<?php

declare(strict_types=1);

namespace App\Controller;

use App\Entity\StatutCourrier;
use App\Repository\Courriers;
use Symfony\Component\HttpFoundation\HeaderUtils;
use Symfony\Component\HttpFoundation\Request;
use Symfony\Component\HttpFoundation\StreamedResponse;
use Symfony\Component\Routing\Annotation\Route;

final class ExportController
{
    private const COLONNES = ['Référence', 'Objet', 'Expéditeur', 'Reçu le', 'Statut', 'Service'];

    public function __construct(private readonly Courriers $courriers)
    {
    }

    #[Route('/courriers.csv', name: 'courriers_export', methods: ['GET'])]
    public function __invoke(Request $request): StreamedResponse
    {
        $recherche = mb_substr(trim((string) $request->query->get('q', '')), 0, 100);
        $statut = StatutCourrier::tryFrom((string) $request->query->get('statut', ''));
        $nom = HeaderUtils::makeDisposition(HeaderUtils::DISPOSITION_ATTACHMENT, 'courriers.csv');

        return new StreamedResponse(fn () => $this->ecrire($recherche, $statut), 200, [
            'Content-Type' => 'text/csv; charset=utf-8',
            'Content-Disposition' => $nom,
        ]);
    }

    private function ecrire(string $recherche, ?StatutCourrier $statut): void
    {
        $sortie = new \SplFileObject('php://output', 'w');
        $sortie->fputcsv(self::COLONNES, ';', '"', '');
        foreach ($this->courriers->tous($recherche, $statut) as $courrier) {
            $sortie->fputcsv(array_map(self::sure(...), [
                $courrier->reference(),
                $courrier->objet(),
                $courrier->expediteur(),
                $courrier->recuLe()->format('d/m/Y'),
                $courrier->statut()->libelle(),
                $courrier->service()?->nom() ?? '',
            ]), ';', '"', '');
        }
    }

    /** Un tableur exécute ce qui commence par un signe de formule : l'apostrophe l'en empêche. */
    private static function sure(string $valeur): string
    {
        return preg_match('/\A[=+\-@\t\r]/', $valeur) === 1 ? "'" . $valeur : $valeur;
    }
}
