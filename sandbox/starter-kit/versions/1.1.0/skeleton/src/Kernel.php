<?php

declare(strict_types=1);

namespace App;

use AmCloud\StarterKit\Kernel\StarterKernel;

final class Kernel extends StarterKernel
{
}
