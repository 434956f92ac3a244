<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Tenancy;

/**
 * Data of an organisation was asked for outside of any organisation: an error of the program.
 */
final class NoTenantException extends \LogicException
{
}
