<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Tenancy;

/**
 * The organisations file is absent or not as the contract says: nobody is served until it is.
 */
final class OrganisationsFileError extends \RuntimeException
{
}
