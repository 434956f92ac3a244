<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Privacy;

/**
 * Says that a persistent property, or every unclassified one of an entity, holds no personal data, and why.
 */
#[\Attribute(\Attribute::TARGET_PROPERTY | \Attribute::TARGET_CLASS)]
final class NoPersonalData
{
    public function __construct(public readonly string $reason)
    {
    }
}
