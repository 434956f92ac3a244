<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Migrations;

use Symfony\Component\Console\Attribute\AsCommand;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Output\OutputInterface;

#[AsCommand(name: 'amcloud:migrate', description: 'Applique les migrations du dossier migrations/ (rôle propriétaire).')]
final class MigrateCommand extends Command
{
    public function __construct(private readonly Migrator $migrator)
    {
        parent::__construct();
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        try {
            $count = $this->migrator->migrate(static fn (string $name) => $output->writeln("appliquée : {$name}"));
        } catch (MigrationError $error) {
            $output->writeln("<error>{$error->getMessage()}</error>");

            return Command::FAILURE;
        }
        $output->writeln($count === 0 ? 'Schéma déjà à jour.' : "{$count} migration(s) appliquée(s).");

        return Command::SUCCESS;
    }
}
