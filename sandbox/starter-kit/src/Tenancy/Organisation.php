<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Tenancy;

/**
 * One organisation served by this instance: the tenant.
 */
final class Organisation
{
    public function __construct(
        public readonly string $code,
        public readonly string $name,
        public readonly string $label,
        public readonly bool $enabled = true,
    ) {
    }
}
