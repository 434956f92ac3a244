<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Security;

/**
 * A token, cookie or answer of the provider is not to be trusted; the message is for the log, never for the agent.
 */
final class AuthenticationError extends \RuntimeException
{
}
