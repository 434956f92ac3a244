<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Console;

use AmCloud\StarterKit\Tenancy\Organisation;
use AmCloud\StarterKit\Tenancy\Organisations;
use AmCloud\StarterKit\Tenancy\Tenancy;
use Psr\Log\LoggerInterface;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Output\OutputInterface;
use Symfony\Contracts\Service\Attribute\Required;

/**
 * A scheduled command that runs once for each organisation served; one that fails does not stop the others.
 */
abstract class OrganisationCommand extends Command
{
    private Organisations $organisations;
    private Tenancy $tenancy;
    private LoggerInterface $logger;

    #[Required]
    public function serveOrganisations(Organisations $organisations, Tenancy $tenancy, LoggerInterface $logger): void
    {
        $this->organisations = $organisations;
        $this->tenancy = $tenancy;
        $this->logger = $logger;
    }

    /** The work for one organisation; what it returns is told on one line. */
    abstract protected function runFor(Organisation $organisation, InputInterface $input): string;

    final protected function execute(InputInterface $input, OutputInterface $output): int
    {
        $status = Command::SUCCESS;
        foreach ($this->organisations->enabled() as $organisation) {
            try {
                $said = $this->tenancy->within($organisation, fn (): string => $this->runFor($organisation, $input));
                $output->writeln("{$organisation->code} : {$said}");
            } catch (\Throwable $error) {
                $status = Command::FAILURE;
                $this->logger->error('{command} pour {code} : {reason}', [
                    'command' => (string) $this->getName(),
                    'code' => $organisation->code,
                    'reason' => $error->getMessage(),
                ]);
                $output->writeln("<error>{$organisation->code} : échec, voir le journal</error>");
            }
        }

        return $status;
    }
}
