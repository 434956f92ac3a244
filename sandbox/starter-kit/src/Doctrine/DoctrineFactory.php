<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Doctrine;

use AmCloud\StarterKit\Tenancy\TenantFilter;
use AmCloud\StarterKit\Tenancy\TenantWriteGuard;
use Doctrine\Common\EventManager;
use Doctrine\DBAL\Configuration as ConnectionConfiguration;
use Doctrine\DBAL\Connection;
use Doctrine\DBAL\DriverManager;
use Doctrine\ORM\EntityManager;
use Doctrine\ORM\EntityManagerInterface;
use Doctrine\ORM\Mapping\UnderscoreNamingStrategy;
use Doctrine\ORM\ORMSetup;
use Doctrine\ORM\Proxy\ProxyFactory;
use Psr\Cache\CacheItemPoolInterface;

/**
 * Doctrine without DoctrineBundle: one connection (DATABASE_URL), entities of src/Entity, the tenant filter always on.
 */
final class DoctrineFactory
{
    private const CONNECT_TIMEOUT_S = 5;

    public static function connection(string $url, TenantMiddleware $tenant): Connection
    {
        $configuration = new ConnectionConfiguration();
        $configuration->setMiddlewares([$tenant]);

        return DriverManager::getConnection(
            ['url' => $url, 'driverOptions' => [\PDO::ATTR_TIMEOUT => self::CONNECT_TIMEOUT_S]],
            $configuration,
        );
    }

    public static function entityManager(
        Connection $connection,
        TenantWriteGuard $guard,
        CacheItemPoolInterface $cache,
        string $projectDir,
        string $cacheDir,
    ): ReopenableEntityManager {
        return new ReopenableEntityManager(
            static fn (): EntityManagerInterface => self::open($connection, $guard, $cache, $projectDir, $cacheDir),
        );
    }

    private static function open(
        Connection $connection,
        TenantWriteGuard $guard,
        CacheItemPoolInterface $cache,
        string $projectDir,
        string $cacheDir,
    ): EntityManagerInterface {
        $configuration = ORMSetup::createAttributeMetadataConfiguration(
            [$projectDir . '/src/Entity'],
            false,
            $cacheDir . '/doctrine',
            $cache,
        );
        $configuration->setAutoGenerateProxyClasses(ProxyFactory::AUTOGENERATE_FILE_NOT_EXISTS_OR_CHANGED);
        $configuration->setNamingStrategy(new UnderscoreNamingStrategy(\CASE_LOWER, true));
        $configuration->addFilter(TenantFilter::NAME, TenantFilter::class);
        $events = new EventManager();
        $events->addEventSubscriber($guard);
        $manager = new EntityManager($connection, $configuration, $events);
        $manager->getFilters()->enable(TenantFilter::NAME)->setParameter('organisation', '');

        return $manager;
    }
}
