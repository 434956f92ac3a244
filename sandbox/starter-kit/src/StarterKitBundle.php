<?php

declare(strict_types=1);

namespace AmCloud\StarterKit;

use Symfony\Component\HttpKernel\Bundle\Bundle;

/**
 * What an application of AM Cloud gets by one line of config/bundles.php: tenancy, sign-in, database, health, logs.
 */
final class StarterKitBundle extends Bundle
{
    public function getPath(): string
    {
        return \dirname(__DIR__);
    }
}
