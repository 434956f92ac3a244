<?php

declare(strict_types=1);

use AmCloud\StarterKit\Doctrine\DoctrineFactory;
use AmCloud\StarterKit\Doctrine\ReopenableEntityManager;
use AmCloud\StarterKit\Doctrine\TenantMiddleware;
use AmCloud\StarterKit\Http\ErrorListener;
use AmCloud\StarterKit\Http\HealthController;
use AmCloud\StarterKit\Http\SecurityHeadersListener;
use AmCloud\StarterKit\Logging\JsonLogger;
use AmCloud\StarterKit\Migrations\MigrateCommand;
use AmCloud\StarterKit\Migrations\Migrator;
use AmCloud\StarterKit\Security\AuthenticationListener;
use AmCloud\StarterKit\Security\IdTokenVerifier;
use AmCloud\StarterKit\Security\Keys;
use AmCloud\StarterKit\Security\Provider;
use AmCloud\StarterKit\Security\Session;
use AmCloud\StarterKit\Security\SignInController;
use AmCloud\StarterKit\Tenancy\Organisations;
use AmCloud\StarterKit\Tenancy\Tenancy;
use AmCloud\StarterKit\Tenancy\TenantContext;
use AmCloud\StarterKit\Tenancy\TenantListener;
use AmCloud\StarterKit\Tenancy\TenantWriteGuard;
use AmCloud\StarterKit\Twig\StarterKitTwig;
use Doctrine\DBAL\Connection;
use Doctrine\ORM\EntityManagerInterface;
use Psr\Log\LoggerInterface;
use Symfony\Component\Cache\Adapter\PhpFilesAdapter;
use Symfony\Component\DependencyInjection\Loader\Configurator\ContainerConfigurator;

use function Symfony\Component\DependencyInjection\Loader\Configurator\param;
use function Symfony\Component\DependencyInjection\Loader\Configurator\service;

return static function (ContainerConfigurator $container): void {
    $container->parameters()
        ->set('env(TRUSTED_PROXIES)', '')
        ->set('env(LOG_LEVEL)', 'notice')
        ->set('env(AMCLOUD_ORGANISATIONS_FILE)', '/etc/amcloud/organisations.json');

    $services = $container->services()->defaults()->autowire()->autoconfigure();

    $services->set(JsonLogger::class)->arg('$level', '%env(LOG_LEVEL)%');
    $services->alias('logger', JsonLogger::class)->public();
    $services->alias(LoggerInterface::class, JsonLogger::class);

    $services->set(TenantContext::class);
    $services->set(Organisations::class)->arg('$path', '%env(AMCLOUD_ORGANISATIONS_FILE)%');
    $services->set(Tenancy::class)->public();
    $services->set(TenantListener::class);
    $services->set(TenantWriteGuard::class)->autoconfigure(false);

    $services->set(TenantMiddleware::class);
    $services->set(Connection::class)
        ->factory([DoctrineFactory::class, 'connection'])
        ->args(['%env(DATABASE_URL)%', service(TenantMiddleware::class)])
        ->public();
    $services->set('amcloud.doctrine.cache', PhpFilesAdapter::class)
        ->args(['doctrine', 0, '%kernel.cache_dir%/pools'])
        ->autowire(false);
    $services->set(ReopenableEntityManager::class)
        ->factory([DoctrineFactory::class, 'entityManager'])
        ->args([
            service(Connection::class),
            service(TenantWriteGuard::class),
            service('amcloud.doctrine.cache'),
            param('kernel.project_dir'),
            param('kernel.cache_dir'),
        ]);
    $services->alias(EntityManagerInterface::class, ReopenableEntityManager::class)->public();

    $services->set(Provider::class)->args([
        service('http_client'),
        service('cache.app'),
        '%env(OIDC_ISSUER)%',
        '%env(OIDC_CLIENT_ID)%',
        '%env(OIDC_CLIENT_SECRET)%',
    ]);
    $services->alias(Keys::class, Provider::class);
    $services->set(IdTokenVerifier::class)
        ->arg('$issuer', '%env(OIDC_ISSUER)%')
        ->arg('$clientId', '%env(OIDC_CLIENT_ID)%');
    $services->set(Session::class)->arg('$secret', '%env(APP_SECRET)%');
    $services->set(AuthenticationListener::class);
    $services->set(SignInController::class)
        ->arg('$clientId', '%env(OIDC_CLIENT_ID)%')
        ->arg('$secret', '%env(APP_SECRET)%')
        ->tag('controller.service_arguments')
        ->public();

    $services->set(HealthController::class)->tag('controller.service_arguments')->public();
    $services->set(ErrorListener::class);
    $services->set(SecurityHeadersListener::class);
    $services->set(StarterKitTwig::class);

    $services->set(Migrator::class)->arg('$folder', '%kernel.project_dir%/migrations');
    $services->set(MigrateCommand::class);
};
