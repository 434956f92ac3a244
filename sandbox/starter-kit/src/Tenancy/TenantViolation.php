<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Tenancy;

/**
 * A record of another organisation was about to be written: the transaction is given up.
 */
final class TenantViolation extends \LogicException
{
}
