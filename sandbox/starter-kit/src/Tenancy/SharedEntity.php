<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Tenancy;

/**
 * Says that all organisations share the records of this entity, and why that is right.
 */
#[\Attribute(\Attribute::TARGET_CLASS)]
final class SharedEntity
{
    public function __construct(public readonly string $reason)
    {
    }
}
