<?php

declare(strict_types=1);

namespace App\Command;

use AmCloud\StarterKit\Console\OrganisationCommand;
use AmCloud\StarterKit\Tenancy\Organisation;
use App\Entity\Relance;
use App\Repository\Courriers;
use Doctrine\ORM\EntityManagerInterface;
use Symfony\Component\Console\Attribute\AsCommand;
use Symfony\Component\Console\Input\InputInterface;

#[AsCommand(name: 'app:relances', description: 'Relance les services pour les courriers qui attendent depuis dix jours.')]
final class RelancesCommand extends OrganisationCommand
{
    public function __construct(
        private readonly Courriers $courriers,
        private readonly EntityManagerInterface $entities,
    ) {
        parent::__construct();
    }

    protected function runFor(Organisation $organisation, InputInterface $input): string
    {
        $aujourdhui = new \DateTimeImmutable('today');
        $courriers = $this->courriers->aRelancer($aujourdhui);
        foreach ($courriers as $courrier) {
            $this->entities->persist(new Relance($courrier, $aujourdhui));
        }
        $this->entities->flush();

        return \count($courriers) . ' relance(s)';
    }
}
