<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Tests;

use AmCloud\StarterKit\Console\OrganisationCommand;
use AmCloud\StarterKit\Tenancy\Organisation;
use AmCloud\StarterKit\Tenancy\Organisations;
use AmCloud\StarterKit\Tenancy\Tenancy;
use AmCloud\StarterKit\Tenancy\TenantViolation;
use AmCloud\StarterKit\Testing\IsolationTestCase;
use App\Entity\Service;
use Doctrine\ORM\EntityManagerInterface;
use Psr\Log\NullLogger;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Tester\CommandTester;

/**
 * With the entities of the sample suivi-courriers.
 */
final class OrganisationCommandTest extends IsolationTestCase
{
    public function testTheFailureOfOneOrganisationDoesNotStopTheNext(): void
    {
        $tenancy = self::getContainer()->get(Tenancy::class);
        self::assertInstanceOf(Tenancy::class, $tenancy);
        $command = new class (self::entities()) extends OrganisationCommand {
            public function __construct(private readonly EntityManagerInterface $entities)
            {
                parent::__construct('essai');
            }

            protected function runFor(Organisation $organisation, InputInterface $input): string
            {
                // A name twice breaks a constraint of the table: Doctrine closes its manager.
                $names = $organisation->code === '901' ? ['Double', 'Double'] : ['Simple'];
                foreach ($names as $name) {
                    $this->entities->persist(new Service($name));
                }
                $this->entities->flush();

                return 'fait';
            }
        };
        $command->serveOrganisations(new Organisations($_SERVER['AMCLOUD_ORGANISATIONS_FILE']), $tenancy, new NullLogger());
        $tester = new CommandTester($command);

        self::assertSame(1, $tester->execute([]));
        self::assertStringContainsString('902 : fait', $tester->getDisplay());
        self::assertSame(0, self::rowsShown(self::FIRST, 'service'));
        self::assertSame(1, self::rowsShown(self::SECOND, 'service'));
    }

    public function testARecordOfOneOrganisationIsNotWrittenForAnother(): void
    {
        $service = new Service('À 901');
        $service->stampOrganisation(self::FIRST);

        $this->expectException(TenantViolation::class);
        self::within(self::SECOND, static function (EntityManagerInterface $entities) use ($service): void {
            $entities->persist($service);
        });
    }

    public function testOutsideOfAnyOrganisationNothingIsSeenNorWritten(): void
    {
        self::within(self::FIRST, static function (EntityManagerInterface $entities): void {
            $entities->persist(new Service('Vu de 901 seul'));
            $entities->flush();
        });

        self::assertSame([], self::entities()->getRepository(Service::class)->findAll());
        $this->expectExceptionMessage('aucun organisme courant');
        self::entities()->persist(new Service('De personne'));
    }
}
