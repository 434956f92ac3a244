<?php

declare(strict_types=1);

use AmCloud\StarterKit\Http\HealthController;
use AmCloud\StarterKit\Security\SignInController;
use Symfony\Component\Routing\Loader\Configurator\RoutingConfigurator;

// `_amcloud_public`: reached without signing in. Everything else asks for an agent of the organisation.
return static function (RoutingConfigurator $routes): void {
    $routes->add('amcloud_sante', '/sante')
        ->controller(HealthController::class)
        ->methods(['GET'])
        ->defaults(['_amcloud_public' => true]);
    $routes->add('amcloud_connexion', '/connexion')
        ->controller([SignInController::class, 'start'])
        ->methods(['GET'])
        ->defaults(['_amcloud_public' => true]);
    $routes->add('amcloud_connexion_retour', '/connexion/retour')
        ->controller([SignInController::class, 'finish'])
        ->methods(['GET'])
        ->defaults(['_amcloud_public' => true]);
    $routes->add('amcloud_deconnexion', '/deconnexion')
        ->controller([SignInController::class, 'end'])
        ->methods(['POST']);
};
