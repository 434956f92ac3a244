<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Testing;

use AmCloud\StarterKit\Tenancy\Organisation;
use AmCloud\StarterKit\Tenancy\Tenancy;
use AmCloud\StarterKit\Tenancy\TenantFilter;
use Doctrine\ORM\EntityManagerInterface;
use Symfony\Bundle\FrameworkBundle\Test\KernelTestCase;
use Symfony\Component\HttpFoundation\Request;
use Symfony\Component\HttpFoundation\Response;
use Symfony\Component\HttpKernel\HttpKernelInterface;

/**
 * Base of tests with two synthetic organisations, "901" and "902", in a real PostgreSQL.
 *
 * A test says what one of them does and asserts that the other sees nothing of it.
 */
abstract class IsolationTestCase extends KernelTestCase
{
    protected const FIRST = '901';
    protected const SECOND = '902';
    private const DOMAIN = 'application.test.example';

    private static ?TestDatabase $database = null;
    private static string $organisations = '';

    public static function setUpBeforeClass(): void
    {
        parent::setUpBeforeClass();
        $file = tempnam(sys_get_temp_dir(), 'organisations');
        self::$organisations = $file !== false ? $file : throw new \RuntimeException('dossier temporaire');
        file_put_contents(self::$organisations, json_encode([
            'version' => 1,
            'domain' => self::DOMAIN,
            'organisations' => array_map(
                static fn (Organisation $one): array => ['code' => $one->code, 'name' => $one->name, 'label' => $one->label],
                [self::organisation(self::FIRST), self::organisation(self::SECOND)],
            ),
        ], \JSON_THROW_ON_ERROR));
        self::$database = TestDatabase::create(self::projectDir() . '/migrations');
        $environment = [
            'APP_ENV' => 'test',
            'APP_SECRET' => bin2hex(random_bytes(16)),
            'DATABASE_URL' => self::$database->url,
            'AMCLOUD_ORGANISATIONS_FILE' => self::$organisations,
            'OIDC_ISSUER' => TestIssuer::ISSUER,
            'OIDC_CLIENT_ID' => TestIssuer::CLIENT_ID,
            'OIDC_CLIENT_SECRET' => 'essai',
            'LOG_LEVEL' => 'critical',
        ];
        foreach ($environment as $name => $value) {
            $_SERVER[$name] = $_ENV[$name] = $value;
        }
    }

    public static function tearDownAfterClass(): void
    {
        self::$database?->drop();
        self::$database = null;
        unlink(self::$organisations);
        parent::tearDownAfterClass();
    }

    protected function tearDown(): void
    {
        self::entities()->getConnection()->close();
        parent::tearDown();
    }

    /** The application's answer to an agent of $agent asking the host of $host (of the same organisation when null). */
    protected static function request(
        string $agent,
        string $method,
        string $path,
        mixed $json = null,
        ?string $host = null,
    ): Response {
        $server = [
            'HTTP_HOST' => self::organisation($host ?? $agent)->label . '.' . self::DOMAIN,
            'HTTP_ACCEPT' => 'application/json',
            'HTTP_AUTHORIZATION' => 'Bearer ' . TestIssuer::token($agent),
            'CONTENT_TYPE' => 'application/json',
        ];
        $body = $json === null ? null : json_encode($json, \JSON_THROW_ON_ERROR);
        $kernel = self::$booted && self::$kernel !== null ? self::$kernel : self::bootKernel();
        $buffered = ob_start();
        $response = $kernel->handle(
            Request::create($path, $method, [], [], [], $server, $body),
            HttpKernelInterface::MAIN_REQUEST,
        );
        // A streamed answer exists only once it was sent.
        if ($response->getContent() === false) {
            $response->sendContent();
            $response = new Response((string) ob_get_contents(), $response->getStatusCode(), $response->headers->all());
        }
        $buffered && ob_end_clean();

        return $response;
    }

    /**
     * @template T
     *
     * @param callable(EntityManagerInterface): T $work
     *
     * @return T what $work returns, done as the kit does it for that organisation
     */
    protected static function within(string $organisation, callable $work): mixed
    {
        $tenancy = self::getContainer()->get(Tenancy::class);
        \assert($tenancy instanceof Tenancy);

        return $tenancy->within(self::organisation($organisation), static fn (): mixed => $work(self::entities()));
    }

    /** Number of rows that PostgreSQL itself shows to $organisation, Doctrine's filter being off. */
    protected static function rowsShown(string $organisation, string $table): int
    {
        return self::within($organisation, static function (EntityManagerInterface $entities) use ($table): int {
            $entities->getFilters()->disable(TenantFilter::NAME);
            $quoted = $entities->getConnection()->quoteIdentifier($table);

            return (int) $entities->getConnection()->fetchOne("SELECT count(*) FROM {$quoted}");
        });
    }

    /** @return array<mixed> */
    protected static function json(Response $response): array
    {
        return json_decode((string) $response->getContent(), true, 32, \JSON_THROW_ON_ERROR);
    }

    protected static function entities(): EntityManagerInterface
    {
        $entities = self::getContainer()->get(EntityManagerInterface::class);
        \assert($entities instanceof EntityManagerInterface);

        return $entities;
    }

    protected static function organisation(string $code): Organisation
    {
        return new Organisation($code, "Organisme d'essai {$code}", "organisme-{$code}");
    }

    protected static function getKernelClass(): string
    {
        return 'App\Kernel';
    }

    private static function projectDir(): string
    {
        return \dirname((string) (new \ReflectionClass(self::getKernelClass()))->getFileName(), 2);
    }
}
