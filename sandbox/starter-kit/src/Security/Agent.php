<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Security;

/**
 * The person (or program) who is signed in, as the identity provider says.
 */
final class Agent
{
    public const REQUEST_ATTRIBUTE = '_amcloud_agent';

    public function __construct(
        public readonly string $subject,
        public readonly string $name,
        public readonly string $organisation,
    ) {
    }
}
