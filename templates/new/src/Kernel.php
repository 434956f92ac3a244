<?php

// Starter Kit 1.2 : ce fichier appartient au kit. Ne le modifiez pas, une nouvelle version du kit le remplace.

declare(strict_types=1);

namespace App;

use AmCloud\StarterKit\Kernel\StarterKernel;

final class Kernel extends StarterKernel
{
}
