<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Kernel;

use Symfony\Bundle\FrameworkBundle\Kernel\MicroKernelTrait;
use Symfony\Component\HttpKernel\Kernel;
use Symfony\Component\Routing\Loader\Configurator\RoutingConfigurator;

/**
 * Kernel of an application: `final class Kernel extends StarterKernel`, nothing else to write.
 *
 * A container's file system is read-only but for /tmp. The compiled container is taken from var/build when the image
 * was built with it, else it is written below /tmp at the first request.
 */
abstract class StarterKernel extends Kernel
{
    use MicroKernelTrait {
        configureRoutes as private configureRoutesOfFiles;
    }

    public function getCacheDir(): string
    {
        return $this->temporary() . '/cache/' . $this->environment;
    }

    public function getBuildDir(): string
    {
        $inImage = $this->getProjectDir() . '/var/build/' . $this->environment;

        return is_dir($inImage) ? $inImage : $this->getCacheDir();
    }

    public function getLogDir(): string
    {
        return $this->temporary() . '/log';
    }

    private function configureRoutes(RoutingConfigurator $routes): void
    {
        $routes->import(__DIR__ . '/../../config/routes.php');
        if (is_dir($this->getProjectDir() . '/src/Controller')) {
            $routes->import($this->getProjectDir() . '/src/Controller/', 'annotation');
        }
        $this->configureRoutesOfFiles($routes);
    }

    /** One folder a checkout and account: what is executed from it was written by us, by nobody else. */
    private function temporary(): string
    {
        $account = \function_exists('posix_geteuid') ? posix_geteuid() : getmyuid();
        $checkout = substr(hash('sha256', $this->getProjectDir()), 0, 12);
        $folder = sys_get_temp_dir() . "/amcloud-{$checkout}-{$account}";
        if (!is_dir($folder) && !mkdir($folder, 0o700, true) && !is_dir($folder)) {
            throw new \RuntimeException("dossier temporaire impossible à créer : {$folder}");
        }
        if (fileowner($folder) !== $account) {
            throw new \RuntimeException("dossier temporaire d'un autre compte : {$folder}");
        }

        return $folder;
    }
}
