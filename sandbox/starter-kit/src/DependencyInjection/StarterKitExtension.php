<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\DependencyInjection;

use Symfony\Component\Config\FileLocator;
use Symfony\Component\DependencyInjection\ContainerBuilder;
use Symfony\Component\DependencyInjection\Extension\PrependExtensionInterface;
use Symfony\Component\DependencyInjection\Loader\PhpFileLoader;
use Symfony\Component\HttpKernel\DependencyInjection\Extension;
use Symfony\Component\HttpKernel\Exception\AccessDeniedHttpException;
use Symfony\Component\HttpKernel\Exception\BadRequestHttpException;
use Symfony\Component\HttpKernel\Exception\MethodNotAllowedHttpException;
use Symfony\Component\HttpKernel\Exception\NotFoundHttpException;
use Symfony\Component\HttpKernel\Exception\UnauthorizedHttpException;

/**
 * Registers the kit's services and sets the framework as the platform needs it; an application may refine it.
 */
final class StarterKitExtension extends Extension implements PrependExtensionInterface
{
    private const CONFIG = __DIR__ . '/../../config';
    private const REFUSALS = [
        AccessDeniedHttpException::class,
        BadRequestHttpException::class,
        MethodNotAllowedHttpException::class,
        NotFoundHttpException::class,
        UnauthorizedHttpException::class,
    ];

    public function load(array $configs, ContainerBuilder $container): void
    {
        $loader = new PhpFileLoader($container, new FileLocator(self::CONFIG));
        $loader->load('services.php');
        if ($container->getParameter('kernel.environment') === 'test' && is_file(self::CONFIG . '/services_test.php')) {
            $loader->load('services_test.php');
        }
    }

    public function prepend(ContainerBuilder $container): void
    {
        $container->prependExtensionConfig('framework', [
            'secret' => '%env(APP_SECRET)%',
            'http_method_override' => false,
            'http_client' => ['default_options' => ['timeout' => 5, 'max_duration' => 10, 'max_redirects' => 0]],
            'php_errors' => ['log' => true],
            // What a visitor did wrong is no error of the application.
            'exceptions' => array_fill_keys(self::REFUSALS, ['log_level' => 'info']),
            'router' => ['utf8' => true],
            'session' => ['enabled' => false],
            'test' => $container->getParameter('kernel.environment') === 'test',
            // The host name chooses the organisation: a forwarded one is never believed.
            'trusted_proxies' => '%env(TRUSTED_PROXIES)%',
            'trusted_headers' => ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-port'],
        ]);
        $container->prependExtensionConfig('twig', ['strict_variables' => true]);
    }
}
