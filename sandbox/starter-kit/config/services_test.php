<?php

declare(strict_types=1);

use AmCloud\StarterKit\Security\Keys;
use AmCloud\StarterKit\Testing\TestIssuer;
use Symfony\Component\DependencyInjection\Loader\Configurator\ContainerConfigurator;

// Only compiled with APP_ENV=test: tests sign their own tokens, no provider is asked.
return static function (ContainerConfigurator $container): void {
    $container->services()->set(Keys::class, TestIssuer::class);
};
